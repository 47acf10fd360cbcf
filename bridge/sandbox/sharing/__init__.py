"""Stand-ins for resource-sharing services by name, each written from its vendor's documents: lists that change while they are read."""
