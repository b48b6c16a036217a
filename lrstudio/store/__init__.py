"""The only room that knows SQL: one project file, its tables, migrations and journal.

`lrstudio.store.store.Store` opens a project; `lrstudio.store.records` holds what it hands out besides domain records
and imports no SQL, so that a start-up path can name the types without paying for the library.
"""
