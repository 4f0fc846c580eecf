import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const GENERATED = ['inference/onnx/onnx_pb.ts', 'inference/checkpoint/sentencepiece_pb.ts'];

describe('the generated message types', () => {
  it('are what `npm run generate` makes of the .proto files', () => {
    const folder = mkdtempSync(join(tmpdir(), 'parley-generated-'));
    try {
      execFileSync(join(ROOT, 'node_modules/.bin/buf'), ['generate', '-o', folder], { cwd: ROOT });
      for (const path of GENERATED)
        expect(readFileSync(join(folder, path), 'utf8')).toBe(readFileSync(join(ROOT, path), 'utf8'));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
