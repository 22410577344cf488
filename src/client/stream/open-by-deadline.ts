import type { Engine } from '../../engine/index.ts';
import { toHex } from '../../protocol/ids.ts';
import type { EngineSpeed } from '../controller/index.ts';
import { ClientError } from '../errors.ts';
import type { OpenedContext } from '../open-context.ts';
import { Meter, summaryOf } from '../report.ts';
import { verifyModel } from '../verify.ts';
import { beginStream, type StreamOptions, speedsOf, withProfiles } from './begin-stream.ts';
import type { LevelStream } from './level-stream.ts';
import { measureEngine } from './measure-engine.ts';
import { SequenceFiller } from './sequence-filler.ts';
import type { Speeds } from './speeds.ts';

export interface OpenByDeadlineOptions extends Omit<StreamOptions, 'checkManifest'> {
  engine: Engine;
  extraTokens: number;
}

/** `openContext` with a deadline. */
export async function openByDeadline(options: OpenByDeadlineOptions): Promise<OpenedContext> {
  const { engine, extraTokens } = options;
  const meter = new Meter();
  return withProfiles(options, async (profiles) => {
    const over = new AbortController();
    const signals = options.signal === undefined ? [over.signal] : [options.signal, over.signal];
    const access = { ...options, signal: AbortSignal.any(signals) };
    let filler: SequenceFiller | undefined;
    try {
      const speeds = speedsOf(options);
      const checked = {
        ...options,
        checkManifest: (manifest) => verifyModel(manifest, engine.model),
      } satisfies StreamOptions;
      const begun = await beginStream(checked, access, profiles, engineSpeed(engine, speeds), meter);
      const { manifest, levelNames, plan } = begun;
      let stream: LevelStream | undefined;
      filler = new SequenceFiller({
        engine,
        capacityTokens: manifest.tokenCount + extraTokens,
        speeds,
        meter,
        isQuiet: () => !stream?.isDecoding,
        signal: access.signal,
      });
      stream = begun.start(filler);
      const { kvLevels, planes, isFilled } = await stream.run().finally(begun.close);
      const tokens = await begun.tokens;
      if (!isFilled) await filler.fill(tokens, planes);
      options.signal?.throwIfAborted();
      const sequence = await filler.take();
      checkFilled(sequence.tokens, tokens);
      const levels = levelNames.map((names, chunk) => names[kvLevels[chunk] ?? -1] ?? null);
      return {
        sequence,
        manifest,
        report: {
          level: summaryOf(levels),
          levels,
          backend: profiles.codec.backend,
          bytes: meter.bytes,
          stageMs: meter.stageMs,
          totalMs: meter.totalMs,
          plan: { ...plan, requests: stream.requests },
        },
      };
    } catch (error) {
      await filler?.close();
      throw error;
    } finally {
      over.abort(new Error('the context is here'));
    }
  });
}

/** The sequence holds the context and nothing else. */
function checkFilled(held: Uint32Array, tokens: Uint32Array): void {
  if (held.length === tokens.length && held.every((token, i) => token === tokens[i])) return;
  throw new ClientError(
    'engine-failed',
    `the engine holds ${held.length} tokens, which are not the ${tokens.length} of the context`,
  );
}

async function engineSpeed(engine: Engine, speeds: Speeds): Promise<EngineSpeed | null> {
  const model = toHex(engine.model.fingerprint);
  if (speeds.engine(model) === undefined) await measureEngine(engine, speeds);
  return speeds.engine(model) ?? null;
}
