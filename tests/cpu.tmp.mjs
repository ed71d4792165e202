import fs from 'node:fs';
import { beforeEach, afterEach } from 'vitest';
let u;
beforeEach(() => { u = process.cpuUsage(); });
afterEach((c) => { const d = process.cpuUsage(u); fs.appendFileSync('/tmp/h5/d/cpu.tsv', `${Math.round((d.user+d.system)/1000)}\t${c.task.file.name}\t${c.task.name}\n`); });
