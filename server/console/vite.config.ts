import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [react()],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    // The page's policy allows no inline data: every file is a file of its own.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    // React, mediasoup-client and socket.io are 516 kB together, and a call needs all of them.
    chunkSizeWarningLimit: 600,
  },
});
