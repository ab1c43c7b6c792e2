// Calls tasks of the worker, and ends it where a user cancels.

// A worker from a blob has the page's Content-Security-Policy, one from a file what the server sends with the file.
const SOURCE = `import ${JSON.stringify(new URL("predictor_worker.mjs", import.meta.url).href)};`;

export class Cancelled extends Error {}

let worker;
let lastId = 0;
const waiting = new Map();

/** The result of a task; throws what the task throws, or Cancelled. */
export function call(task, given, onProgress = () => {}) {
  worker ??= started();
  lastId += 1;
  worker.postMessage({ id: lastId, task, ...given });
  return new Promise((resolve, reject) => waiting.set(lastId, { resolve, reject, onProgress }));
}

/** Ends the worker and all that it does; the next call has a new one, without a model. */
export function cancel(error = new Cancelled()) {
  worker?.terminate();
  worker = undefined;
  for (const { reject } of waiting.values()) reject(error);
  waiting.clear();
}

function started() {
  const url = URL.createObjectURL(new Blob([SOURCE], { type: "text/javascript" }));
  const made = new Worker(url, { type: "module" });
  made.onmessage = ({ data: { id, progress, result, problem } }) => {
    const { resolve, reject, onProgress } = waiting.get(id) ?? {};
    if (!resolve) return; // sent before the worker was ended
    if (progress) return onProgress(progress);
    waiting.delete(id);
    return problem === undefined ? resolve(result) : reject(new Error(problem));
  };
  made.onerror = ({ message }) => cancel(new Error(message || "the worker could not be loaded. Reload the page."));
  return made;
}
