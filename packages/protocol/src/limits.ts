/** Bounds on everything a client can send. Text lengths are in UTF-16 code units, as JavaScript counts them. */
export const limits = {
  /** One question. */
  messageLength: 200_000,
  titleLength: 200,
  nameLength: 100,
  emailLength: 254,
  passwordMinLength: 8,
  passwordMaxLength: 256,
  modelLength: 200,
  cursorLength: 200,
  searchLength: 500,
  filesPerMessage: 10,
  fileNameLength: 255,
  apiKeysPerUser: 20,
  /** Uploads in parts that one person has under way. */
  openUploadsPerUser: 20,
  pageSizeDefault: 50,
  pageSizeMax: 100,
} as const;
