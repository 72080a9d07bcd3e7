#!/usr/bin/env node
// Starts the built server. Kept to the oldest syntax that parses everywhere, so that a wrong Node version gets a sentence and not a stack.
import { existsSync } from 'node:fs';

const [major, minor] = process.versions.node.split('.').map(Number);
const main = new URL('../dist/src/main.js', import.meta.url);

function refuse(message) {
  process.stderr.write(`gatehouse: ${message}\n`);
  process.exitCode = 1;
}

if (major < 20 || (major === 20 && minor < 19)) {
  refuse(`Node ${process.versions.node} is too old; Gatehouse needs 20.19 or newer.`);
} else if (!existsSync(main)) {
  refuse('the server is not built (dist/src/main.js is missing). Run "npm ci" or "npm run build" with development dependencies installed.');
} else {
  await import(main.href);
}
