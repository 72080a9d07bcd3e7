// Reads the Dockerfile's own subset of the language: what is not in it is an error, so that nothing of the file is passed over in silence.

const variable = /^([A-Z_][A-Z0-9_]*)=(\S*)$/;

/** Lines without comments, with those that end in a backslash joined to the next. */
function linesOf(text) {
  const kept = text.split('\n').filter((line) => !/^\s*(#|$)/.test(line));
  return kept
    .join('\n')
    .replace(/\\\n\s*/g, '')
    .split('\n');
}

function words(text) {
  return text.split(/\s+/).filter(Boolean);
}

function readCopy(text, rest) {
  const parts = words(rest);
  const from = parts[0]?.startsWith('--from=') ? parts.shift().slice('--from='.length) : undefined;
  return { kind: 'COPY', text, from, sources: parts.slice(0, -1), target: parts.at(-1) };
}

function readEnv(rest) {
  return Object.fromEntries(
    words(rest).map((word) => {
      const match = variable.exec(word);
      if (match === null) throw new Error(`ENV ${word}: only NAME=value is understood.`);
      return [match[1], match[2]];
    }),
  );
}

const newStage = (rest) => {
  const [, base, name] = /^(\S+)(?: AS (\S+))?$/.exec(rest) ?? [];
  if (base === undefined) throw new Error(`FROM ${rest} is not understood.`);
  return { base, name, workdir: '/', env: {}, steps: [], command: [], entrypoint: [], healthcheck: [], stopSignal: 'SIGTERM', user: '0:0' };
};

const array = (text) => JSON.parse(text.slice(text.indexOf('[')));

const readers = {
  WORKDIR: (stage, rest, text) => {
    stage.workdir = rest;
    stage.steps.push({ kind: 'WORKDIR', text });
  },
  COPY: (stage, rest, text) => void stage.steps.push(readCopy(text, rest)),
  RUN: (stage, rest, text) => void stage.steps.push({ kind: 'RUN', text, command: rest }),
  ENV: (stage, rest) => void Object.assign(stage.env, readEnv(rest)),
  USER: (stage, rest) => {
    stage.user = rest;
  },
  ENTRYPOINT: (stage, rest) => {
    stage.entrypoint = array(rest);
  },
  CMD: (stage, rest) => {
    stage.command = array(rest);
  },
  HEALTHCHECK: (stage, rest) => {
    stage.healthcheck = array(rest);
  },
  STOPSIGNAL: (stage, rest) => {
    stage.stopSignal = rest;
  },
  // They say something to those who run the image, and do nothing while it is built.
  VOLUME: () => undefined,
  EXPOSE: () => undefined,
};

/** The stages in their order: base, name, environment, steps (`WORKDIR`, `COPY`, `RUN`) and how the image runs. Throws on anything else. */
export function readDockerfile(text) {
  const stages = [];
  for (const line of linesOf(text)) {
    const [, word, rest] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (word === 'FROM') stages.push(newStage(rest));
    else if (word !== undefined && Object.hasOwn(readers, word) && stages.length > 0) readers[word](stages.at(-1), rest, line);
    else throw new Error(`The Dockerfile says what is not understood here: ${line}`);
  }
  return stages;
}
