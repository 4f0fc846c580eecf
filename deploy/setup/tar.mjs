// Just enough of the tar format to take one file out of an archive: a bare machine may have no `tar`.

const BLOCK_BYTES = 512;

/**
 * @param {Buffer} archive an uncompressed ustar or GNU archive.
 * @param {string} name the file's name in it, up to 100 characters.
 * @returns {Buffer | null} a view of the file's content, or null where the archive does not hold it whole.
 * @see https://www.gnu.org/software/tar/manual/html_node/Standard.html
 */
export function fileInTar(archive, name) {
  for (let start = 0; start + BLOCK_BYTES <= archive.length; ) {
    const entry = archive.toString('utf8', start, start + 100).split('\0')[0];
    const sizeBytes = Number.parseInt(archive.toString('latin1', start + 124, start + 136), 8);
    if (!entry || Number.isNaN(sizeBytes)) return null;
    const content = start + BLOCK_BYTES;
    if (entry === name) {
      return content + sizeBytes <= archive.length ? archive.subarray(content, content + sizeBytes) : null;
    }
    start = content + Math.ceil(sizeBytes / BLOCK_BYTES) * BLOCK_BYTES;
  }
  return null;
}
