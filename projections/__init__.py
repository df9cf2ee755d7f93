"""What people query: tables in Postgres, each a fold of the journal that can be made again."""
