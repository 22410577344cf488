import { Command } from 'commander';
import type { ProfileInfo } from '../../codec/codec.ts';
import { loadBestCodec } from '../../codec/index.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { readInputFile } from '../input-file.ts';
import type { CommandContext } from '../main.ts';
import { megabytes } from '../output.ts';

export function profileCommands({ output }: CommandContext): Command {
  const profile = new Command('profile').description('static codec tables of a model');
  profile
    .command('show')
    .description('check a profile file and say what it is')
    .argument('<file>', 'a .kvp file')
    .action(async (file: string) => {
      const bytes = await readInputFile(
        file,
        LIMITS.profileBytes,
        'No profile is that large; check the path.',
      );
      const loaded = (await loadBestCodec()).loadProfile(bytes);
      try {
        output().result(loaded.info, () => describe(loaded.info));
      } finally {
        loaded.close();
      }
    });
  return profile;
}

function describe(info: ProfileInfo): string {
  const ranks = info.groups.map((group) => group.rank);
  return [
    `profile     ${info.profileId}`,
    `model       ${info.modelFingerprint}`,
    `geometry    ${info.layers} layers x ${info.kvHeads} KV heads x ${info.keyHeadDim}/${info.valueHeadDim}`,
    `levels      ${info.levelNames.join(', ')}`,
    `base step   ${info.baseStep}`,
    `groups      ${info.groups.length}, rank ${Math.min(...ranks)} to ${Math.max(...ranks)}`,
    `first token ${info.firstTokenIds.length} known`,
    `size        ${megabytes(info.fileBytes)}`,
  ].join('\n');
}
