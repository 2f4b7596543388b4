/**
 * Loaded before every test file: a process warning (a leaking listener, a deprecated call, a promise rejected too late) is a fault
 * that nobody looks at in a log, so it fails the run.
 */

process.on('warning', (warning) => {
  throw warning
})
