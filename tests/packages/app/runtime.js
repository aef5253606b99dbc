/** As getLLM has it. A bundler or an import map resolves what it imports by itself. */
export const runtime = undefined;
