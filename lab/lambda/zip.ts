import { inflateRawSync } from 'node:zlib';

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const MODE_SYMLINK = 0o120000;

/** A file inside an archive. Folders are implied by the paths; symbolic links are refused. */
export interface ZipEntry {
  path: string;
  data: Buffer;
}

/** Reads a deployment package: stored and deflated entries, no encryption, no ZIP64 (Lambda's limit is far below 4 GiB). */
export function readZip(archive: Buffer): ZipEntry[] {
  const end = archive.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  if (end < 0 || archive.readUInt32LE(end) !== END) throw new Error('not a zip archive: its end record is missing');
  const entries: ZipEntry[] = [];
  let at = archive.readUInt32LE(end + 16);
  for (let count = archive.readUInt16LE(end + 10); count > 0; count--) {
    if (archive.readUInt32LE(at) !== ENTRY) throw new Error('damaged zip archive: a directory entry is missing');
    const nameLength = archive.readUInt16LE(at + 28);
    const path = archive.toString('utf8', at + 46, at + 46 + nameLength);
    if (!path.endsWith('/')) entries.push({ path: checked(path, archive.readUInt16LE(at + 40)), data: content(archive, at) });
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  return entries;
}

function content(archive: Buffer, entry: number): Buffer {
  const method = archive.readUInt16LE(entry + 10);
  const size = archive.readUInt32LE(entry + 20);
  const local = archive.readUInt32LE(entry + 42);
  // The local header's extra field may differ in length from the directory's.
  const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
  const packed = archive.subarray(start, start + size);
  if (method === 0) return packed;
  if (method === 8) return inflateRawSync(packed);
  throw new Error(`unsupported zip compression method ${method}`);
}

function checked(path: string, unixMode: number): string {
  if (path.startsWith('/') || path.split('/').includes('..')) throw new Error(`zip entry leaves its folder: ${path}`);
  if ((unixMode & 0o170000) === MODE_SYMLINK) throw new Error(`zip entry is a symbolic link: ${path}`);
  return path;
}
