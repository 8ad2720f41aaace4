BEGIN TRANSACTION;
CREATE TABLE adapter_concepts (
	adapter_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	version_id INTEGER, 
	name TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	manifest VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_adapter_concepts PRIMARY KEY (adapter_id, position), 
	CONSTRAINT fk_adapter_concepts_adapter_id FOREIGN KEY(adapter_id) REFERENCES adapters (id) ON DELETE CASCADE, 
	CONSTRAINT fk_adapter_concepts_version_id FOREIGN KEY(version_id) REFERENCES concept_versions (id) ON DELETE SET NULL
);
INSERT INTO "adapter_concepts" VALUES(1,0,1,'rex',1,'1d14a2c118019e6fb0dcdf40de7a260193716a168507f8f80a18637a73d1eb10');
CREATE TABLE adapters (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	library_id INTEGER NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	file_name TEXT NOT NULL, 
	method TEXT NOT NULL, 
	stack TEXT NOT NULL, 
	settings JSON NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT fk_adapters_library_id FOREIGN KEY(library_id) REFERENCES libraries (id) ON DELETE CASCADE, 
	CONSTRAINT uq_adapters_library_id_sha256 UNIQUE (library_id, sha256)
);
INSERT INTO "adapters" VALUES(1,2,'abababababababababababababababababababababababababababababababab','abababababababababababababababababababababababababababababababab.safetensors','lora','miniature','{}','2026-11-24 00:03:47.942499');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE blobs (
	sha VARCHAR(64) NOT NULL, 
	size INTEGER NOT NULL, 
	data BLOB NOT NULL, 
	CONSTRAINT pk_blobs PRIMARY KEY (sha), 
	CONSTRAINT ck_blobs_size_is_length CHECK (size = length(data))
);
INSERT INTO "blobs" VALUES('55c64d0fcd6f9d5f7c828093857e3fdfda68478bb4e9bd24d481ef391c7804e8',5,X'70686F746F');
INSERT INTO "blobs" VALUES('48bf9b4f142ab45cac6f33cf99415bca6ca8e07608a031237aa76560fec2204b',4,X'6D61736B');
INSERT INTO "blobs" VALUES('3b9c358f36f0a31b6ad3e14f309c7cf198ac9246e8316f9ce543d5b19ac02b80',4,X'66696C65');
INSERT INTO "blobs" VALUES('03ac674216f3e15c761ee1a5e255f067953623c8b388b4459e13f978d7c846f4',4,X'31323334');
CREATE TABLE concept_versions (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	concept_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	noun TEXT NOT NULL, 
	manifest VARCHAR(64) NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT ck_concept_versions_number_from_one CHECK (number >= 1), 
	CONSTRAINT fk_concept_versions_concept_id FOREIGN KEY(concept_id) REFERENCES concepts (id) ON DELETE CASCADE, 
	CONSTRAINT uq_concept_versions_concept_id_number UNIQUE (concept_id, number)
);
INSERT INTO "concept_versions" VALUES(1,1,1,'dog','1d14a2c118019e6fb0dcdf40de7a260193716a168507f8f80a18637a73d1eb10','2026-11-24 00:03:45.190389');
INSERT INTO "concept_versions" VALUES(2,2,1,'hat','3f7e206fd535aef06d2fe20589ba4ac1e8fc3697e497ec7637f1ffa369572b9b','2026-11-24 00:03:46.362426');
CREATE TABLE "concepts" (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	library_id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	name_key TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	removed_at DATETIME, 
	CONSTRAINT fk_concepts_library_id FOREIGN KEY(library_id) REFERENCES libraries (id) ON DELETE CASCADE
);
INSERT INTO "concepts" VALUES(1,2,'rex','rex','2026-11-24 00:03:44.502422',NULL);
INSERT INTO "concepts" VALUES(2,2,'gone','gone','2026-11-24 00:03:46.100160','2026-11-24 00:03:48.992038');
CREATE TABLE current_libraries (
	owner TEXT NOT NULL, 
	library_id INTEGER NOT NULL, 
	CONSTRAINT pk_current_libraries PRIMARY KEY (owner), 
	CONSTRAINT fk_current_libraries_library_id FOREIGN KEY(library_id) REFERENCES libraries (id) ON DELETE CASCADE
);
INSERT INTO "current_libraries" VALUES('anna',2);
CREATE TABLE features (
	"key" TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	image_sha VARCHAR(64), 
	mask_sha VARCHAR(64), 
	blob_sha VARCHAR(64) NOT NULL, 
	shape JSON NOT NULL, 
	dtype TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_features PRIMARY KEY ("key"), 
	CONSTRAINT fk_features_blob_sha FOREIGN KEY(blob_sha) REFERENCES blobs (sha), 
	CONSTRAINT fk_features_image_sha FOREIGN KEY(image_sha) REFERENCES blobs (sha), 
	CONSTRAINT fk_features_mask_sha FOREIGN KEY(mask_sha) REFERENCES blobs (sha)
);
INSERT INTO "features" VALUES('key','image_embeds','55c64d0fcd6f9d5f7c828093857e3fdfda68478bb4e9bd24d481ef391c7804e8','48bf9b4f142ab45cac6f33cf99415bca6ca8e07608a031237aa76560fec2204b','03ac674216f3e15c761ee1a5e255f067953623c8b388b4459e13f978d7c846f4','[1]','float32','2026-11-24 00:03:47.426041');
CREATE TABLE libraries (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	owner TEXT NOT NULL, 
	name TEXT NOT NULL, 
	name_key TEXT NOT NULL, 
	stack TEXT, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT uq_libraries_owner_name_key UNIQUE (owner, name_key)
);
INSERT INTO "libraries" VALUES(1,'anna','default','default',NULL,'2026-11-24 00:03:42.887336');
INSERT INTO "libraries" VALUES(2,'anna','toys','toys','miniature','2026-11-24 00:03:43.507888');
CREATE TABLE members (
	library_id INTEGER NOT NULL, 
	user TEXT NOT NULL, 
	role TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_members PRIMARY KEY (library_id, user), 
	CONSTRAINT ck_members_role_known CHECK (role IN ('reader', 'editor', 'owner')), 
	CONSTRAINT fk_members_library_id FOREIGN KEY(library_id) REFERENCES libraries (id) ON DELETE CASCADE
);
INSERT INTO "members" VALUES(2,'bob','reader','2026-11-24 00:03:49.321048');
CREATE TABLE originals (
	version_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	original_sha VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_originals PRIMARY KEY (version_id, position), 
	CONSTRAINT fk_originals_original_sha FOREIGN KEY(original_sha) REFERENCES blobs (sha), 
	CONSTRAINT fk_originals_version_id FOREIGN KEY(version_id, position) REFERENCES version_images (version_id, position) ON DELETE CASCADE
);
INSERT INTO "originals" VALUES(1,0,'3b9c358f36f0a31b6ad3e14f309c7cf198ac9246e8316f9ce543d5b19ac02b80');
INSERT INTO "originals" VALUES(2,0,'3b9c358f36f0a31b6ad3e14f309c7cf198ac9246e8316f9ce543d5b19ac02b80');
CREATE TABLE run_concepts (
	run_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	version_id INTEGER, 
	name TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	manifest VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_run_concepts PRIMARY KEY (run_id, position), 
	CONSTRAINT fk_run_concepts_run_id FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE, 
	CONSTRAINT fk_run_concepts_version_id FOREIGN KEY(version_id) REFERENCES concept_versions (id) ON DELETE SET NULL
);
INSERT INTO "run_concepts" VALUES(1,0,1,'rex',1,'1d14a2c118019e6fb0dcdf40de7a260193716a168507f8f80a18637a73d1eb10');
CREATE TABLE runs (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	library_id INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	status TEXT NOT NULL, 
	settings JSON NOT NULL, 
	why TEXT, 
	adapter_id INTEGER, 
	started_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	CONSTRAINT ck_runs_status_known CHECK (status IN ('running', 'finished', 'failed')), 
	CONSTRAINT fk_runs_adapter_id FOREIGN KEY(adapter_id) REFERENCES adapters (id) ON DELETE SET NULL, 
	CONSTRAINT fk_runs_library_id FOREIGN KEY(library_id) REFERENCES libraries (id) ON DELETE CASCADE
);
INSERT INTO "runs" VALUES(1,2,'finetune','finished','{"steps": 400}',NULL,1,'2026-11-24 00:03:47.428354','2026-11-24 00:03:48.787970');
CREATE TABLE version_images (
	version_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	image_sha VARCHAR(64) NOT NULL, 
	mask_sha VARCHAR(64), 
	width INTEGER NOT NULL, 
	height INTEGER NOT NULL, 
	source_name TEXT NOT NULL, 
	warnings JSON NOT NULL, 
	CONSTRAINT pk_version_images PRIMARY KEY (version_id, position), 
	CONSTRAINT ck_version_images_has_pixels CHECK (width > 0 AND height > 0), 
	CONSTRAINT fk_version_images_image_sha FOREIGN KEY(image_sha) REFERENCES blobs (sha), 
	CONSTRAINT fk_version_images_mask_sha FOREIGN KEY(mask_sha) REFERENCES blobs (sha), 
	CONSTRAINT fk_version_images_version_id FOREIGN KEY(version_id) REFERENCES concept_versions (id) ON DELETE CASCADE
);
INSERT INTO "version_images" VALUES(1,0,'55c64d0fcd6f9d5f7c828093857e3fdfda68478bb4e9bd24d481ef391c7804e8','48bf9b4f142ab45cac6f33cf99415bca6ca8e07608a031237aa76560fec2204b',64,48,'photo.jpg','["tiny subject"]');
INSERT INTO "version_images" VALUES(2,0,'55c64d0fcd6f9d5f7c828093857e3fdfda68478bb4e9bd24d481ef391c7804e8','48bf9b4f142ab45cac6f33cf99415bca6ca8e07608a031237aa76560fec2204b',64,48,'photo.jpg','["tiny subject"]');
CREATE INDEX ix_current_libraries_library_id ON current_libraries (library_id);
CREATE INDEX ix_version_images_image_sha ON version_images (image_sha);
CREATE INDEX ix_version_images_mask_sha ON version_images (mask_sha);
CREATE INDEX ix_features_blob_sha ON features (blob_sha);
CREATE INDEX ix_features_image_sha ON features (image_sha);
CREATE INDEX ix_features_mask_sha ON features (mask_sha);
CREATE INDEX ix_adapter_concepts_version_id ON adapter_concepts (version_id);
CREATE INDEX ix_runs_adapter_id ON runs (adapter_id);
CREATE INDEX ix_runs_library_id ON runs (library_id);
CREATE INDEX ix_run_concepts_version_id ON run_concepts (version_id);
CREATE UNIQUE INDEX uq_concepts_name_in_use ON concepts (library_id, name_key) WHERE removed_at IS NULL;
CREATE INDEX ix_concepts_library_id ON concepts (library_id);
CREATE INDEX ix_members_user ON members (user);
CREATE INDEX ix_originals_original_sha ON originals (original_sha);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('libraries',2);
INSERT INTO "sqlite_sequence" VALUES('concepts',2);
INSERT INTO "sqlite_sequence" VALUES('concept_versions',2);
INSERT INTO "sqlite_sequence" VALUES('runs',1);
INSERT INTO "sqlite_sequence" VALUES('adapters',1);
COMMIT;
