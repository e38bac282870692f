/** A style sheet of a page that is loaded when it is first opened. */
declare module "*.css";
