import { ApiError } from "./api-error.ts";

export type SendForm = (
  url: string,
  form: FormData,
  onProgress: (fraction: number) => void,
  signal: AbortSignal,
) => Promise<Response>;

/**
 * Posts a form and tells how far it is. By XMLHttpRequest, since `fetch` says nothing of a body on
 * its way.
 *
 * @throws ApiError network; the signal's reason when it aborts
 */
export const sendForm: SendForm = (url, form, onProgress, signal) =>
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
      const headers: HeadersInit = retryAfter === null ? {} : { "retry-after": retryAfter };
      resolve(new Response(request.responseText, { status: request.status, headers }));
    };
    request.onerror = () => reject(ApiError.network(new TypeError("the upload failed")));
    request.onloadend = () => signal.removeEventListener("abort", abort);
    request.open("POST", url);
    request.send(form);
  });
