import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/config.ts';
import { asNobody } from '../support/nobody.ts';
import { tempFolder } from '../support/temp-folder.ts';

const VALID = 'service: {output_dir: out}\npackages: [demo]\n';

describe('loadConfig', () => {
  it('reads a file, also one with a byte order mark', () => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'list.yaml'), `\ufeff${VALID}`);
    expect(loadConfig('list.yaml', folder).outputDir).toBe(join(folder, 'out'));
  });

  it('says that there is no such file', () => {
    expect(() => loadConfig('none.yaml', tempFolder())).toThrow(
      /^none\.yaml: there is no such file; name the right one with --config <file>\n1 problem/,
    );
  });

  it('says that a folder is no file', () => {
    const folder = tempFolder();
    mkdirSync(join(folder, 'list'));
    expect(() => loadConfig('list', folder)).toThrow(/^list: this is a folder; name the tracked\.yaml in it/);
  });

  it('says what the system says of anything else', () => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'file'), VALID);
    expect(() => loadConfig('file/tracked.yaml', folder)).toThrow(
      'file/tracked.yaml: cannot be read (ENOTDIR)',
    );
  });

  it('says that a file is not UTF-8', () => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'list.yaml'), Buffer.from([0x61, 0xff, 0xfe]));
    expect(() => loadConfig('list.yaml', folder)).toThrow('list.yaml: the file is not UTF-8 text');
  });

  it('says that a file may not be read', () => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'list.yaml'), VALID);
    chmodSync(join(folder, 'list.yaml'), 0o000);
    expect(() => asNobody(() => loadConfig('list.yaml', folder))).toThrow(
      'list.yaml: you may not read this file',
    );
  });
});
