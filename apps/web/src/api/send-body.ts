import { ApiError } from "./api-error.ts";

type Outgoing = {
  method: "POST" | "PUT";
  url: string;
  body: FormData | Blob;
  headers?: Record<string, string>;
};

export type SendBody = (
  request: Outgoing,
  onProgress: (fraction: number) => void,
  signal: AbortSignal,
) => Promise<Response>;

/**
 * Sends a body and tells how far it is. By XMLHttpRequest, since `fetch` says nothing of a body on
 * its way.
 *
 * @throws ApiError network; the signal's reason when it aborts
 */
export const sendBody: SendBody = ({ method, url, body, headers = {} }, onProgress, signal) =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => {
      request.abort();
      reject(signal.reason);
    };
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort);
    request.upload.onprogress = ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0);
    request.onload = () => {
      const retryAfter = request.getResponseHeader("retry-after");
      const { status, responseText } = request;
      resolve(
        new Response(status === 204 ? null : responseText, {
          status,
          headers: retryAfter === null ? {} : { "retry-after": retryAfter },
        }),
      );
    };
    request.onerror = () => reject(ApiError.network(new TypeError("the upload failed")));
    request.onloadend = () => signal.removeEventListener("abort", abort);
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.send(body);
  });
