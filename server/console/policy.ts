/**
 * What the page needs, and nothing else: its own files, its own socket, its own microphone. The server sends it as
 * `Content-Security-Policy` with every page.
 */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self'",
  // Safari before 15.4 does not take 'self' for a WebSocket of the same host.
  "connect-src 'self' ws: wss:",
  "media-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');
