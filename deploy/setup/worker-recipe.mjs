// What has to be compiled for mediasoup's worker, and how: pure text in, text out.
// The recipe is for Debian's libraries (OpenSSL 3, libuv, libsrtp 2, flatbuffers); it is used where the official
// prebuilt worker cannot be downloaded.

/** Compiler options that every source file gets. */
const COMPILE_FLAGS = [
  '-std=c++20',
  '-O2',
  '-g0',
  '-DNDEBUG',
  '-DMS_EXECUTABLE',
  '-DMS_LITTLE_ENDIAN',
  // The worker's own bandwidth estimation, in place of libwebrtc's, which needs abseil. Audio needs neither.
  '-DMS_USE_BUILTIN_BWE',
  '-DFLATBUFFERS_LOCALE_INDEPENDENT=1',
  '-w',
];

/** Libraries that the worker is linked with. */
const LINK_FLAGS = ['-Wl,--as-needed', '-luv', '-lssl', '-lcrypto', '-lsrtp2', '-lflatbuffers', '-pthread'];

/** Arguments of flatc before the schema files; `-o DIR` is added by the caller. */
export const FLATC_FLAGS = [
  '--cpp',
  '--cpp-field-case-style',
  'lower',
  '--reflect-names',
  '--scoped-enums',
  '--filename-suffix',
  '',
];

// OpenSSL sets BIO_CB_RETURN beside the operation's own bits, so the worker's comparison never holds.
const BIO_CALLBACK = {
  defect: '(operationType == BIO_CB_RETURN)',
  correct: '((operationType & BIO_CB_RETURN) != 0)',
};

/** All that decides what comes out of the same sources, for the name under which the result is kept. */
export const RECIPE = JSON.stringify([COMPILE_FLAGS, LINK_FLAGS, FLATC_FLAGS, BIO_CALLBACK]);

/**
 * The C++ sources of the worker's executable, as its own meson.build lists them.
 *
 * @param {string} mesonBuild the text of worker/meson.build.
 * @returns {string[]} paths relative to worker/.
 * @throws {Error} when the list is not where it was in mediasoup 3.27.
 */
export function workerSources(mesonBuild) {
  const list = /^common_sources = \[([^\]]*)\]/m.exec(mesonBuild)?.[1];
  const sources = [...(list ?? '').matchAll(/'([^']+\.cpp)'/g)].map((match) => /** @type {string} */ (match[1]));
  if (sources.length === 0) throw new Error('worker/meson.build has no list named common_sources');
  return [...sources, 'src/main.cpp'];
}

/**
 * Corrects the BIO callback of DtlsTransport.cpp.
 *
 * OpenSSL calls a BIO callback a second time after each operation with BIO_CB_RETURN set beside the operation's own
 * bits, and takes what the callback returns as the operation's result. The worker compares for equality, so it answers
 * 1 to every control call. To BIO_CTRL_GET_KTLS_SEND this says "kernel TLS is on", and a libssl that was built with
 * kernel TLS (Debian's is) then has no write buffer at the first handshake.
 *
 * @param {string} source the text of src/RTC/DtlsTransport.cpp.
 * @throws {Error} when the defective expression is not there exactly once.
 */
export function withCorrectBioCallback(source) {
  const { defect, correct } = BIO_CALLBACK;
  const parts = source.split(defect);
  if (parts.length !== 2)
    throw new Error(`DtlsTransport.cpp has ${parts.length - 1} times "${defect}", 1 was expected`);
  return parts.join(correct);
}

/**
 * The ninja file that compiles and links the worker.
 *
 * @param {object} build
 * @param {string} build.compiler the C++ compiler's command.
 * @param {string[]} build.sources absolute paths of the C++ files.
 * @param {string[]} build.includeDirs absolute paths, searched in this order.
 * @param {string} build.output the executable, relative to the build folder.
 */
export function ninjaFile({ compiler, sources, includeDirs, output }) {
  const objects = sources.map((_, index) => `obj/${index}.o`);
  return [
    'ninja_required_version = 1.5',
    `cxx = ${ninjaPath(compiler)}`,
    `flags = ${[...COMPILE_FLAGS, ...includeDirs.map((dir) => `-I${shellQuoted(dir)}`)].join(' ')}`,
    'rule compile',
    '  command = $cxx $flags -MMD -MF $out.d -c $in -o $out',
    '  depfile = $out.d',
    '  deps = gcc',
    // The objects reach the linker in a file: some 200 paths may exceed what one command line takes.
    'rule link',
    `  command = $cxx @$out.rsp -o $out ${LINK_FLAGS.join(' ')}`,
    '  rspfile = $out.rsp',
    '  rspfile_content = $in',
    ...sources.map((source, index) => `build ${objects[index]}: compile ${ninjaPath(source)}`),
    `build ${ninjaPath(output)}: link ${objects.join(' ')}`,
    `default ${ninjaPath(output)}`,
    '',
  ].join('\n');
}

/** @param {string} path */
function ninjaPath(path) {
  return path.replace(/[$ :]/g, '$$$&');
}

/** @param {string} text */
function shellQuoted(text) {
  return `'${text.replaceAll("'", "'\\''").replaceAll('$', '$$$$')}'`;
}
