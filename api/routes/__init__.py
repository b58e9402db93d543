"""One module a resource; each exports `router`, and `api.app` finds them all."""
