import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// One page, without code splitting: the libraries' modules refer to each other in rings. Paths are relative, so that any server will do.
export default defineConfig({
  base: './',
  plugins: [react()],
  define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
  build: { chunkSizeWarningLimit: 20000, sourcemap: false },
  logLevel: 'warn',
});
