MUTATIONS: list[tuple[str, ...]] = []
