import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

/* To wait for the disk proves nothing in the tests' own process, and takes much of their time. */
fs.fsyncSync = () => undefined;
syncBuiltinESMExports();
