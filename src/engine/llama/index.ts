/** The llama.cpp adapter. State files and GGUF details stay inside this folder. */
export { type LlamaEngineOptions, openLlamaEngine } from './engine.ts';
export { type FetchModelOptions, fetchModel } from './fetch.ts';
export { MODELS, type PinnedModel, resolveModelPath } from './models.ts';
