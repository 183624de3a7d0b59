/** The car's HTTP interface: every error comes as an Error whose message is a sentence for the person. */

const UNREACHABLE = "The car does not answer. Check that it is on and on the same network.";

/** Call the interface; resolves to the JSON of the answer, null where there is none. */
export async function call(method, path, body) {
  const options = { method, headers: { "X-Pocketpilot": "1" } };
  if (body instanceof Blob) options.body = body;
  else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  let response;
  try {
    response = await fetch(`/api/${path}`, options);
  } catch {
    throw new Error(UNREACHABLE);
  }
  const text = await response.text();
  return answer(response.status, text);
}

export const get = (path) => call("GET", path);
export const post = (path, body) => call("POST", path, body);

/** Send a file; `progress` hears the share sent so far, 0 … 1. */
export function upload(path, file, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/api/${path}`);
    request.setRequestHeader("X-Pocketpilot", "1");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onload = () => {
      try { resolve(answer(request.status, request.responseText)); } catch (error) { reject(error); }
    };
    request.onerror = () => reject(new Error(UNREACHABLE));
    request.send(file);
  });
}

function answer(status, text) {
  if (status === 401) {
    location.assign("/pair");
    throw new Error("This browser is not paired with the car.");
  }
  let content = null;
  try { content = text ? JSON.parse(text) : null; } catch { /* an answer that is no JSON has nothing to say */ }
  if (status >= 400) throw new Error(content?.error ?? `The car could not do that (${status}). Try again.`);
  return content;
}
