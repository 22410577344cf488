import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const arraySchema = z.object({ file: z.string().regex(/^[a-z0-9.-]+$/), shape: z.array(z.int().positive()) });
const kvtcSchema = z.object({
  mean: arraySchema,
  basis: arraySchema,
  variances: arraySchema,
  sample: arraySchema,
});
const indexSchema = z.object({
  modelFingerprint: z.string(),
  cachegen: z.object({
    anchorSpan: z.int(),
    anchorLevels: z.int(),
    alphabet: z.int(),
    anchorCosts: arraySchema,
    settings: z.array(z.object({ factor: z.number(), steps: z.array(z.number()), costs: arraySchema })),
  }),
  kvtc: z.object({ key: kvtcSchema, value: kvtcSchema }),
});

export type FittedIndex = z.infer<typeof indexSchema>;
export type ArrayEntry = z.infer<typeof arraySchema>;

/** What `npm run calibrate -- baselines` wrote for one model. */
export interface Fitted extends FittedIndex {
  folder: string;
  /** Raw values of one array. */
  read(entry: ArrayEntry): Float32Array;
}

/** Null if the folder has nothing, or something of another model. */
export function loadFitted(folder: string, modelFingerprint: string): Fitted | null {
  const path = join(folder, 'index.json');
  if (!existsSync(path)) return null;
  const index = indexSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  if (index.modelFingerprint !== modelFingerprint) return null;
  return {
    ...index,
    folder,
    read: ({ file }) => {
      const bytes = readFileSync(join(folder, file));
      return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    },
  };
}
