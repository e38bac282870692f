CREATE TABLE "file_removals" (
	"id" uuid PRIMARY KEY NOT NULL,
	"object_key" text NOT NULL,
	"due_at" timestamp (3) with time zone NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"last_error" text,
	"batch" uuid,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "files" ALTER COLUMN "size_bytes" SET DATA TYPE bigint;--> statement-breakpoint
ALTER TABLE "documents" ADD COLUMN "file_id" uuid;--> statement-breakpoint
ALTER TABLE "files" ADD COLUMN "object_key" text NOT NULL;--> statement-breakpoint
CREATE INDEX "file_removals_due_at_idx" ON "file_removals" USING btree ("due_at");--> statement-breakpoint
CREATE INDEX "file_removals_batch_idx" ON "file_removals" USING btree ("batch");--> statement-breakpoint
ALTER TABLE "documents" ADD CONSTRAINT "documents_file_id_files_id_fk" FOREIGN KEY ("file_id") REFERENCES "public"."files"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "documents_file_id_key" ON "documents" USING btree ("file_id");--> statement-breakpoint
CREATE INDEX "files_user_id_hash_idx" ON "files" USING btree ("user_id","hash");--> statement-breakpoint
CREATE INDEX "files_object_key_idx" ON "files" USING btree ("object_key");