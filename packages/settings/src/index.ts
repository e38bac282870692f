export { type Config, ConfigError, readSettings } from "./read-settings.ts";
export {
  addressList,
  flag,
  fraction,
  integer,
  namedValues,
  oneOf,
  optionalSecret,
  optionalText,
  optionalUrl,
  type Setting,
  setting,
  text,
  urlList,
} from "./setting.ts";
