"""The compiler's rules as TypeScript, for the importer that runs in the browser (docs/decisions/0270)."""
