import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const CALIBRATE = join(import.meta.dirname, '../../../../origin-gpu/calibrate');

export type Kind = 'key' | 'value';

/** Matrix products with the fitted bases, by the calibration's Python (`kvcal/products.py`): 66 million multiply-adds a token. */
export class Products {
  readonly #folder = mkdtempSync(join(tmpdir(), 'kvedge-kvtc-'));
  readonly #process: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  /** `python`: an interpreter with torch. */
  constructor(python: string, basisFolder: string) {
    this.#process = spawn(python, ['-W', 'ignore', '-m', 'kvcal.products', basisFolder], {
      env: { ...process.env, PYTHONPATH: CALIBRATE },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#answers = createInterface({ input: this.#process.stdout! })[Symbol.asyncIterator]();
  }

  /** Coefficients [tokens][columns] of rows [tokens][dim], or rows of coefficients. */
  async multiply(
    kind: Kind,
    direction: 'analyse' | 'synthesise',
    rows: Float32Array,
    columns: number,
  ): Promise<Float32Array> {
    const input = join(this.#folder, 'input');
    const output = join(this.#folder, 'output');
    writeFileSync(input, rows);
    this.#process.stdin!.write(`${JSON.stringify({ kind, direction, input, output, columns })}\n`);
    const { value } = await this.#answers.next();
    if (value !== 'done') throw new Error('the matrix products of the KVTC-like baseline ended early');
    const bytes = readFileSync(output);
    return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  }

  close() {
    this.#process.stdin!.end();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
