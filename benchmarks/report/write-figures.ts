import { readFileSync, writeFileSync } from 'node:fs';
import { QUOTING, withFigures } from './figures.ts';

for (const path of QUOTING) writeFileSync(path, withFigures(readFileSync(path, 'utf8')));
