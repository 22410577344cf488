import { Command } from 'commander';
import { fetchModel } from '../../engine/llama/fetch.ts';
import { MODELS, pinnedModel, SMOLLM2 } from '../../engine/llama/models.ts';
import type { CommandContext } from '../main.ts';
import { megabytes } from '../output.ts';

export function modelCommands({ output, signal }: CommandContext): Command {
  const model = new Command('model').description('models that kvedge has pinned by digest');
  model
    .command('fetch')
    .description('download a pinned model and check its SHA-256; does nothing if it is here already')
    .argument('[name]', `one of ${[...MODELS.keys()].join(', ')}`, SMOLLM2.id)
    .action(async (name: string) => {
      const pinned = pinnedModel(name);
      const bar = output().progress(`fetching ${pinned.id}`);
      let modelPath: string;
      try {
        modelPath = await fetchModel({
          model: pinned,
          signal,
          onProgress: (stage, done, total) => bar.update(done ?? 0, total ?? pinned.fileBytes, stage),
        });
      } finally {
        bar.stop();
      }
      const { id, fileBytes: bytes, fileSha256: sha256, license } = pinned;
      output().result(
        { name: id, path: modelPath, bytes, sha256, license },
        () => `${modelPath} (${megabytes(bytes)}, ${license}, sha256 ${sha256})`,
      );
    });
  return model;
}
