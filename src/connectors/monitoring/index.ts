/** Watches connectors: what they did, how they fare, whether their settings work. */
export { chainLives, clientCertificateLife } from './credentials.js';
export { logged } from './logged-issuer.js';
export { loggedMailer } from './logged-mailer.js';
export { createRecorder, type Recorder } from './recorder.js';
export { type Choice, createTests, type Tests, type TypeTester, type TypeTesters, type UnderTest } from './testers.js';
