import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// No code splitting, since the libraries' modules import each other in circles. Relative paths suit
// any server.
export default defineConfig({
  base: './',
  plugins: [react()],
  define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
  build: { chunkSizeWarningLimit: 20000, sourcemap: false },
  logLevel: 'warn',
});
