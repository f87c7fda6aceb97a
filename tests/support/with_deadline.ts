/** A deadline for a promise that a test waits for, so that a hang fails the test with a message. */

/** Rejects if the promise does not settle in time; leaves no timer behind. */
export async function withDeadline<T>(
  promise: Promise<T>,
  deadlineMs: number,
  describe: () => string = () => "",
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(new Error(`Not done within ${deadlineMs} ms: ${describe()}`)),
      deadlineMs,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
