import type { Run } from "../statement.ts";
import { askQuestion, type Question } from "./ask-question.ts";
import { type FinishedAnswer, finishAnswer } from "./finish-answer.ts";
import { type PromptArgs, readPrompt } from "./prompt.ts";
import { type Regeneration, regenerateAnswer } from "./regenerate-answer.ts";

/**
 * The life of an answer: one statement when it begins, one when it ends. That a conversation has at
 * most one running answer is a unique index, so it holds between servers as well.
 *
 * All lock the conversation before its messages, the order in which deleting does; the other way
 * round is a deadlock.
 */
export function answerQueries(run: Run) {
  return {
    ask: (question: Question) => askQuestion(run, question),
    prompt: (asked: PromptArgs) => readPrompt(run, asked),
    regenerate: (again: Regeneration) => regenerateAnswer(run, again),
    finish: (answer: FinishedAnswer) => finishAnswer(run, answer),
  };
}
