/** Loading this file makes Unigram, WordPiece and precompiled normalizers known; index.ts loads it for who has them. */
import { buildPrecompiled } from "./precompiled";
import { rarely } from "./rare_parts";
import { Unigram } from "./unigram";
import { WordPiece } from "./wordpiece";

rarely.unigram = (model, unreachable) => new Unigram(model, unreachable);
rarely.wordPiece = (model, unreachable) => new WordPiece(model, unreachable);
rarely.precompiled = buildPrecompiled;
