/** Parts that the applications of all frameworks share. */

/** What an upload test sends. */
export const FILE_TEXT = "line 1\r\nline 2\n";

/** A stream that gives its pieces one after the other, in turns of the event loop. */
export function slowly(...pieces: string[]): ReadableStream<Uint8Array> {
  const rest = [...pieces];
  let timer: ReturnType<typeof setTimeout> | undefined;
  return new ReadableStream<Uint8Array>({
    async pull(controller): Promise<void> {
      await new Promise((resolve) => timer = setTimeout(resolve, 1));
      const piece = rest.shift();
      if (piece === undefined) controller.close();
      else controller.enqueue(new TextEncoder().encode(piece));
    },
    cancel(): void {
      clearTimeout(timer);
    },
  }, { highWaterMark: 0 });
}

/** Describes an uploaded file and a field of a form. */
export async function describeForm(form: FormData): Promise<unknown> {
  const file = form.get("file");
  if (!(file instanceof File)) return "no file";
  return {
    title: form.get("title"),
    name: file.name,
    type: file.type,
    size: file.size,
    text: await file.text(),
  };
}
