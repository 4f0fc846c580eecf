import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withFigures } from './figures.ts';

const path = join(import.meta.dirname, '../../README.md');
writeFileSync(path, withFigures(readFileSync(path, 'utf8')));
