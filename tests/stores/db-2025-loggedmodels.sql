BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('bf29a5ff90ea');
CREATE TABLE assessments (
	assessment_id VARCHAR(50) NOT NULL, 
	trace_id VARCHAR(50) NOT NULL, 
	name VARCHAR(250) NOT NULL, 
	assessment_type VARCHAR(20) NOT NULL, 
	value TEXT NOT NULL, 
	error TEXT, 
	created_timestamp BIGINT NOT NULL, 
	last_updated_timestamp BIGINT NOT NULL, 
	source_type VARCHAR(50) NOT NULL, 
	source_id VARCHAR(250), 
	run_id VARCHAR(32), 
	span_id VARCHAR(50), 
	rationale TEXT, 
	overrides VARCHAR(50), 
	valid BOOLEAN NOT NULL, 
	assessment_metadata TEXT, 
	CONSTRAINT assessments_pk PRIMARY KEY (assessment_id), 
	CONSTRAINT fk_assessments_trace_id FOREIGN KEY(trace_id) REFERENCES trace_info (request_id) ON DELETE CASCADE
);
CREATE TABLE "datasets" (
	dataset_uuid VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(500) NOT NULL, 
	digest VARCHAR(36) NOT NULL, 
	dataset_source_type VARCHAR(36) NOT NULL, 
	dataset_source TEXT NOT NULL, 
	dataset_schema TEXT, 
	dataset_profile TEXT, 
	CONSTRAINT dataset_pk PRIMARY KEY (experiment_id, name, digest), 
	CONSTRAINT fk_datasets_experiment_id_experiments FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id) ON DELETE CASCADE
);
INSERT INTO "datasets" VALUES('6634357c039949c9a34dec0fc67c571d',1,'dataset','48848ef0','code','{"tags": {"mlflow.user": "user1", "mlflow.source.name": "iris_RandomForestClassifier_mlflow_drift-2.py", "mlflow.source.type": "LOCAL", "mlflow.source.git.commit": "b7965efb6c9de510d6751f2443efb08ea5cd33be"}}','{"mlflow_colspec": [{"type": "double", "name": "sepal length (cm)", "required": true}, {"type": "double", "name": "sepal width (cm)", "required": true}, {"type": "double", "name": "petal length (cm)", "required": true}, {"type": "double", "name": "petal width (cm)", "required": true}]}','{"num_rows": 120, "num_elements": 480}');
INSERT INTO "datasets" VALUES('76c975affb5e4cf69a174637f0172538',1,'dataset','a3fbca02','code','{"tags": {"mlflow.user": "user1", "mlflow.source.name": "iris_RandomForestClassifier_mlflow_drift-2.py", "mlflow.source.type": "LOCAL", "mlflow.source.git.commit": "b7965efb6c9de510d6751f2443efb08ea5cd33be"}}','{"mlflow_colspec": [{"type": "double", "name": "sepal length (cm)", "required": true}, {"type": "double", "name": "sepal width (cm)", "required": true}, {"type": "double", "name": "petal length (cm)", "required": true}, {"type": "double", "name": "petal width (cm)", "required": true}]}','{"num_rows": 30, "num_elements": 120}');
INSERT INTO "datasets" VALUES('a674a5cc72bb41fca2709508f71351ba',1,'dataset','4191f4da','code','{"tags": {"mlflow.user": "user1", "mlflow.source.name": "iris_RandomForestClassifier_mlflow_drift-2.py", "mlflow.source.type": "LOCAL", "mlflow.source.git.commit": "b7965efb6c9de510d6751f2443efb08ea5cd33be"}}','{"mlflow_colspec": [{"type": "double", "name": "sepal length (cm)", "required": true}, {"type": "double", "name": "sepal width (cm)", "required": true}, {"type": "double", "name": "petal length (cm)", "required": true}, {"type": "double", "name": "petal width (cm)", "required": true}]}','{"num_rows": 1, "num_elements": 4}');
INSERT INTO "datasets" VALUES('4720b5b4d3c041cfb0b7e69324d7fa78',1,'dataset','e5c1049c','code','{"tags": {"mlflow.user": "user1", "mlflow.source.name": "iris_RandomForestClassifier_mlflow_drift-2.py", "mlflow.source.type": "LOCAL", "mlflow.source.git.commit": "b7965efb6c9de510d6751f2443efb08ea5cd33be"}}','{"mlflow_colspec": [{"type": "double", "name": "sepal length (cm)", "required": true}, {"type": "double", "name": "sepal width (cm)", "required": true}, {"type": "double", "name": "petal length (cm)", "required": true}, {"type": "double", "name": "petal width (cm)", "required": true}]}','{"num_rows": 30, "num_elements": 120}');
INSERT INTO "datasets" VALUES('67903da2ddc84c318086d56a6f2a1290',1,'dataset','b2fa8680','code','{"tags": {"mlflow.user": "user1", "mlflow.source.name": "iris_RandomForestClassifier_mlflow_drift.py", "mlflow.source.type": "LOCAL", "mlflow.source.git.commit": "b7965efb6c9de510d6751f2443efb08ea5cd33be"}}','{"mlflow_colspec": [{"type": "double", "name": "sepal length (cm)", "required": true}, {"type": "double", "name": "sepal width (cm)", "required": true}, {"type": "double", "name": "petal length (cm)", "required": true}, {"type": "double", "name": "petal width (cm)", "required": true}]}','{"num_rows": 30, "num_elements": 120}');
CREATE TABLE entity_associations (
	association_id VARCHAR(36) NOT NULL, 
	source_type VARCHAR(36) NOT NULL, 
	source_id VARCHAR(36) NOT NULL, 
	destination_type VARCHAR(36) NOT NULL, 
	destination_id VARCHAR(36) NOT NULL, 
	created_time BIGINT, 
	CONSTRAINT entity_associations_pk PRIMARY KEY (source_type, source_id, destination_type, destination_id)
);
CREATE TABLE "evaluation_dataset_records" (
	dataset_record_id VARCHAR(36) NOT NULL, 
	dataset_id VARCHAR(36) NOT NULL, 
	inputs JSON NOT NULL, 
	expectations JSON, 
	tags JSON, 
	source JSON, 
	source_id VARCHAR(36), 
	source_type VARCHAR(255), 
	created_time BIGINT, 
	last_update_time BIGINT, 
	created_by VARCHAR(255), 
	last_updated_by VARCHAR(255), 
	input_hash VARCHAR(64) NOT NULL, outputs JSON, 
	CONSTRAINT evaluation_dataset_records_pk PRIMARY KEY (dataset_record_id), 
	CONSTRAINT fk_evaluation_dataset_records_dataset_id FOREIGN KEY(dataset_id) REFERENCES evaluation_datasets (dataset_id) ON DELETE CASCADE, 
	CONSTRAINT unique_dataset_input UNIQUE (dataset_id, input_hash)
);
CREATE TABLE evaluation_dataset_tags (
	dataset_id VARCHAR(36) NOT NULL, 
	"key" VARCHAR(255) NOT NULL, 
	value VARCHAR(5000), 
	CONSTRAINT evaluation_dataset_tags_pk PRIMARY KEY (dataset_id, "key"), 
	CONSTRAINT fk_evaluation_dataset_tags_dataset_id FOREIGN KEY(dataset_id) REFERENCES evaluation_datasets (dataset_id) ON DELETE CASCADE
);
CREATE TABLE evaluation_datasets (
	dataset_id VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	schema TEXT, 
	profile TEXT, 
	digest VARCHAR(64), 
	created_time BIGINT, 
	last_update_time BIGINT, 
	created_by VARCHAR(255), 
	last_updated_by VARCHAR(255), 
	CONSTRAINT evaluation_datasets_pk PRIMARY KEY (dataset_id)
);
CREATE TABLE experiment_tags (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(5000), 
	experiment_id INTEGER NOT NULL, 
	CONSTRAINT experiment_tag_pk PRIMARY KEY ("key", experiment_id), 
	FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id)
);
INSERT INTO "experiment_tags" VALUES('mlflow.experimentKind','custom_model_development',1);
CREATE TABLE experiments (
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	artifact_location VARCHAR(256), 
	lifecycle_stage VARCHAR(32), creation_time BIGINT, last_update_time BIGINT, 
	CONSTRAINT experiment_pk PRIMARY KEY (experiment_id), 
	CONSTRAINT experiments_lifecycle_stage CHECK (lifecycle_stage IN ('active', 'deleted')), 
	UNIQUE (name)
);
INSERT INTO "experiments" VALUES(0,'Default','mlflow-artifacts:/0','active',1761759756283,1761759756283);
INSERT INTO "experiments" VALUES(1,'iris-classification-drift-handling','mlflow-artifacts:/1','active',1761759781875,1761759781875);
CREATE TABLE input_tags (
	input_uuid VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	value VARCHAR(500) NOT NULL, 
	CONSTRAINT input_tags_pk PRIMARY KEY (input_uuid, name)
);
INSERT INTO "input_tags" VALUES('8815e83247084c49b8ad576df8b05051','mlflow.data.context','train');
INSERT INTO "input_tags" VALUES('7a6494e980dc46328cc99eaba354350e','mlflow.data.context','eval');
INSERT INTO "input_tags" VALUES('37d1176b53984c32870c768f5f48f03c','mlflow.data.context','eval');
INSERT INTO "input_tags" VALUES('55e57bf9e0a24ca5b2d29061be9a1a97','mlflow.data.context','eval');
INSERT INTO "input_tags" VALUES('9a2a383bfafd48d4a76e8171d9e1b8b8','mlflow.data.context','train');
INSERT INTO "input_tags" VALUES('753befbbbe45470ebac1c934e0922de6','mlflow.data.context','eval');
INSERT INTO "input_tags" VALUES('2d01c4d99b004132b7cd20451b1f0039','mlflow.data.context','eval');
INSERT INTO "input_tags" VALUES('23eeb27abaa9404abe020613f4095b84','mlflow.data.context','eval');
CREATE TABLE inputs (
	input_uuid VARCHAR(36) NOT NULL, 
	source_type VARCHAR(36) NOT NULL, 
	source_id VARCHAR(36) NOT NULL, 
	destination_type VARCHAR(36) NOT NULL, 
	destination_id VARCHAR(36) NOT NULL, step BIGINT DEFAULT '0' NOT NULL, 
	CONSTRAINT inputs_pk PRIMARY KEY (source_type, source_id, destination_type, destination_id)
);
INSERT INTO "inputs" VALUES('940d9dcf1a364085acb14dc6fa5b0950','RUN_OUTPUT','eedd0e314afc43b887e411592767f7ad','MODEL_OUTPUT','m-4fa4436ea4664166a0cf79b78495dda6',0);
INSERT INTO "inputs" VALUES('a660cf8ed3344c42a455a1552d67b08f','RUN_OUTPUT','ce7a81230f4447b1bbb09a000b1f16e0','MODEL_OUTPUT','m-6d686605cf1344eab4fce0478ae36a50',0);
INSERT INTO "inputs" VALUES('5ffcae5f69974b00b5af8ce947b43fab','RUN_OUTPUT','787e7d70eb6e4746b96de05395a8c240','MODEL_OUTPUT','m-f54e854d7421450ba4b5939ac26298bb',0);
INSERT INTO "inputs" VALUES('5211940ebcae4f9186ab20672777932e','RUN_OUTPUT','20fc6fb127a34b1a9d17c3ce3e9187a3','MODEL_OUTPUT','m-69ce43bee5084078a064af39697aa314',0);
INSERT INTO "inputs" VALUES('8815e83247084c49b8ad576df8b05051','DATASET','6634357c039949c9a34dec0fc67c571d','RUN','6a3bd611dcdf44929244c1f553a76f9f',0);
INSERT INTO "inputs" VALUES('81894c1fb1b44d10a8e796cb42349a58','RUN_OUTPUT','6a3bd611dcdf44929244c1f553a76f9f','MODEL_OUTPUT','m-dbb4c8f3e86549bb81f6f1ec567a47ae',0);
INSERT INTO "inputs" VALUES('7a6494e980dc46328cc99eaba354350e','DATASET','76c975affb5e4cf69a174637f0172538','RUN','6a3bd611dcdf44929244c1f553a76f9f',0);
INSERT INTO "inputs" VALUES('6780a45b8c134f36984d0c84376013f9','RUN_OUTPUT','6a3bd611dcdf44929244c1f553a76f9f','MODEL_OUTPUT','m-59d5e8310c474289bc9e07f1e2322694',0);
INSERT INTO "inputs" VALUES('37d1176b53984c32870c768f5f48f03c','DATASET','a674a5cc72bb41fca2709508f71351ba','RUN','6a3bd611dcdf44929244c1f553a76f9f',0);
INSERT INTO "inputs" VALUES('55e57bf9e0a24ca5b2d29061be9a1a97','DATASET','4720b5b4d3c041cfb0b7e69324d7fa78','RUN','6a3bd611dcdf44929244c1f553a76f9f',0);
INSERT INTO "inputs" VALUES('9a2a383bfafd48d4a76e8171d9e1b8b8','DATASET','6634357c039949c9a34dec0fc67c571d','RUN','ddd12b83f2ea419da33a8fbbec2ef4e3',0);
INSERT INTO "inputs" VALUES('37c21e313a344979b429997df64fa826','RUN_OUTPUT','ddd12b83f2ea419da33a8fbbec2ef4e3','MODEL_OUTPUT','m-295c7cb4b978470bb47709b90f8f0b1b',0);
INSERT INTO "inputs" VALUES('753befbbbe45470ebac1c934e0922de6','DATASET','76c975affb5e4cf69a174637f0172538','RUN','ddd12b83f2ea419da33a8fbbec2ef4e3',0);
INSERT INTO "inputs" VALUES('6ccda100be0748cc9f7adb45ae4454f6','RUN_OUTPUT','ddd12b83f2ea419da33a8fbbec2ef4e3','MODEL_OUTPUT','m-23d21116d5794abab66e295c0de45337',0);
INSERT INTO "inputs" VALUES('2d01c4d99b004132b7cd20451b1f0039','DATASET','a674a5cc72bb41fca2709508f71351ba','RUN','ddd12b83f2ea419da33a8fbbec2ef4e3',0);
INSERT INTO "inputs" VALUES('23eeb27abaa9404abe020613f4095b84','DATASET','67903da2ddc84c318086d56a6f2a1290','RUN','ddd12b83f2ea419da33a8fbbec2ef4e3',0);
CREATE TABLE jobs (
	id VARCHAR(36) NOT NULL, 
	creation_time BIGINT NOT NULL, 
	function_fullname VARCHAR(500) NOT NULL, 
	params TEXT NOT NULL, 
	timeout FLOAT, 
	status INTEGER NOT NULL, 
	result TEXT, 
	retry_count INTEGER NOT NULL, 
	last_update_time BIGINT NOT NULL, 
	CONSTRAINT jobs_pk PRIMARY KEY (id)
);
CREATE TABLE "latest_metrics" (
	"key" VARCHAR(250) NOT NULL, 
	value FLOAT NOT NULL, 
	timestamp BIGINT, 
	step BIGINT NOT NULL, 
	is_nan BOOLEAN NOT NULL, 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT latest_metric_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid), 
	CHECK (is_nan IN (0, 1))
);
INSERT INTO "latest_metrics" VALUES('accuracy',1.0,1761759782013,0,0,'eedd0e314afc43b887e411592767f7ad');
INSERT INTO "latest_metrics" VALUES('precision',1.0,1761759782018,0,0,'eedd0e314afc43b887e411592767f7ad');
INSERT INTO "latest_metrics" VALUES('recall',1.0,1761759782021,0,0,'eedd0e314afc43b887e411592767f7ad');
INSERT INTO "latest_metrics" VALUES('f1_score',1.0,1761759782023,0,0,'eedd0e314afc43b887e411592767f7ad');
INSERT INTO "latest_metrics" VALUES('accuracy',1.0,1761760082628,0,0,'ce7a81230f4447b1bbb09a000b1f16e0');
INSERT INTO "latest_metrics" VALUES('precision',1.0,1761760082632,0,0,'ce7a81230f4447b1bbb09a000b1f16e0');
INSERT INTO "latest_metrics" VALUES('recall',1.0,1761760082635,0,0,'ce7a81230f4447b1bbb09a000b1f16e0');
INSERT INTO "latest_metrics" VALUES('f1_score',1.0,1761760082638,0,0,'ce7a81230f4447b1bbb09a000b1f16e0');
INSERT INTO "latest_metrics" VALUES('accuracy_drifted',1.0,1761760085231,0,0,'ce7a81230f4447b1bbb09a000b1f16e0');
INSERT INTO "latest_metrics" VALUES('performance_change',0.0,1761760085235,0,0,'ce7a81230f4447b1bbb09a000b1f16e0');
INSERT INTO "latest_metrics" VALUES('accuracy',1.0,1761760556857,0,0,'787e7d70eb6e4746b96de05395a8c240');
INSERT INTO "latest_metrics" VALUES('precision',1.0,1761760556861,0,0,'787e7d70eb6e4746b96de05395a8c240');
INSERT INTO "latest_metrics" VALUES('recall',1.0,1761760556864,0,0,'787e7d70eb6e4746b96de05395a8c240');
INSERT INTO "latest_metrics" VALUES('f1_score',1.0,1761760556867,0,0,'787e7d70eb6e4746b96de05395a8c240');
INSERT INTO "latest_metrics" VALUES('accuracy',1.0,1761760588855,0,0,'20fc6fb127a34b1a9d17c3ce3e9187a3');
INSERT INTO "latest_metrics" VALUES('precision',1.0,1761760588858,0,0,'20fc6fb127a34b1a9d17c3ce3e9187a3');
INSERT INTO "latest_metrics" VALUES('recall',1.0,1761760588861,0,0,'20fc6fb127a34b1a9d17c3ce3e9187a3');
INSERT INTO "latest_metrics" VALUES('f1_score',1.0,1761760588864,0,0,'20fc6fb127a34b1a9d17c3ce3e9187a3');
INSERT INTO "latest_metrics" VALUES('accuracy_drifted',1.0,1761760591238,0,0,'20fc6fb127a34b1a9d17c3ce3e9187a3');
INSERT INTO "latest_metrics" VALUES('performance_change',0.0,1761760591242,0,0,'20fc6fb127a34b1a9d17c3ce3e9187a3');
INSERT INTO "latest_metrics" VALUES('training_precision_score',1.0,1761760747798,0,0,'6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "latest_metrics" VALUES('training_recall_score',1.0,1761760747798,0,0,'6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "latest_metrics" VALUES('training_f1_score',1.0,1761760747798,0,0,'6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "latest_metrics" VALUES('training_accuracy_score',1.0,1761760747798,0,0,'6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "latest_metrics" VALUES('training_log_loss',4.3064248848686273452e-02,1761760747798,0,0,'6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "latest_metrics" VALUES('training_roc_auc',1.0,1761760747798,0,0,'6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "latest_metrics" VALUES('training_score',1.0,1761760748493,0,0,'6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "latest_metrics" VALUES('accuracy',1.0,1761760748515,0,0,'6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "latest_metrics" VALUES('precision',1.0,1761760748518,0,0,'6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "latest_metrics" VALUES('recall',1.0,1761760748521,0,0,'6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "latest_metrics" VALUES('f1_score',1.0,1761760748524,0,0,'6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "latest_metrics" VALUES('accuracy_drifted',1.0,1761760750466,0,0,'6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "latest_metrics" VALUES('performance_change',0.0,1761760750469,0,0,'6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "latest_metrics" VALUES('training_precision_score',1.0,1761761298626,0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "latest_metrics" VALUES('training_recall_score',1.0,1761761298626,0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "latest_metrics" VALUES('training_f1_score',1.0,1761761298626,0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "latest_metrics" VALUES('training_accuracy_score',1.0,1761761298626,0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "latest_metrics" VALUES('training_log_loss',4.3064248848686273452e-02,1761761298626,0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "latest_metrics" VALUES('training_roc_auc',1.0,1761761298626,0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "latest_metrics" VALUES('training_score',1.0,1761761299074,0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "latest_metrics" VALUES('accuracy',1.0,1761761299095,0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "latest_metrics" VALUES('precision',1.0,1761761299098,0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "latest_metrics" VALUES('recall',1.0,1761761299101,0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "latest_metrics" VALUES('f1_score',1.0,1761761299104,0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "latest_metrics" VALUES('accuracy_drifted',1.0,1761761301127,0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "latest_metrics" VALUES('performance_change',0.0,1761761301129,0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3');
CREATE TABLE logged_model_metrics (
	model_id VARCHAR(36) NOT NULL, 
	metric_name VARCHAR(500) NOT NULL, 
	metric_timestamp_ms BIGINT NOT NULL, 
	metric_step BIGINT NOT NULL, 
	metric_value FLOAT, 
	experiment_id INTEGER NOT NULL, 
	run_id VARCHAR(32) NOT NULL, 
	dataset_uuid VARCHAR(36), 
	dataset_name VARCHAR(500), 
	dataset_digest VARCHAR(36), 
	CONSTRAINT logged_model_metrics_pk PRIMARY KEY (model_id, metric_name, metric_timestamp_ms, metric_step, run_id), 
	CONSTRAINT fk_logged_model_metrics_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id), 
	CONSTRAINT fk_logged_model_metrics_model_id FOREIGN KEY(model_id) REFERENCES logged_models (model_id) ON DELETE CASCADE, 
	CONSTRAINT fk_logged_model_metrics_run_id FOREIGN KEY(run_id) REFERENCES runs (run_uuid) ON DELETE CASCADE
);
INSERT INTO "logged_model_metrics" VALUES('m-4fa4436ea4664166a0cf79b78495dda6','accuracy',1761759782013,0,1.0,0,'eedd0e314afc43b887e411592767f7ad',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-4fa4436ea4664166a0cf79b78495dda6','precision',1761759782018,0,1.0,0,'eedd0e314afc43b887e411592767f7ad',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-4fa4436ea4664166a0cf79b78495dda6','recall',1761759782021,0,1.0,0,'eedd0e314afc43b887e411592767f7ad',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-4fa4436ea4664166a0cf79b78495dda6','f1_score',1761759782023,0,1.0,0,'eedd0e314afc43b887e411592767f7ad',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-6d686605cf1344eab4fce0478ae36a50','accuracy',1761760082628,0,1.0,0,'ce7a81230f4447b1bbb09a000b1f16e0',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-6d686605cf1344eab4fce0478ae36a50','precision',1761760082632,0,1.0,0,'ce7a81230f4447b1bbb09a000b1f16e0',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-6d686605cf1344eab4fce0478ae36a50','recall',1761760082635,0,1.0,0,'ce7a81230f4447b1bbb09a000b1f16e0',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-6d686605cf1344eab4fce0478ae36a50','f1_score',1761760082638,0,1.0,0,'ce7a81230f4447b1bbb09a000b1f16e0',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-f54e854d7421450ba4b5939ac26298bb','accuracy',1761760556857,0,1.0,0,'787e7d70eb6e4746b96de05395a8c240',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-f54e854d7421450ba4b5939ac26298bb','precision',1761760556861,0,1.0,0,'787e7d70eb6e4746b96de05395a8c240',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-f54e854d7421450ba4b5939ac26298bb','recall',1761760556864,0,1.0,0,'787e7d70eb6e4746b96de05395a8c240',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-f54e854d7421450ba4b5939ac26298bb','f1_score',1761760556867,0,1.0,0,'787e7d70eb6e4746b96de05395a8c240',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-69ce43bee5084078a064af39697aa314','accuracy',1761760588855,0,1.0,0,'20fc6fb127a34b1a9d17c3ce3e9187a3',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-69ce43bee5084078a064af39697aa314','precision',1761760588858,0,1.0,0,'20fc6fb127a34b1a9d17c3ce3e9187a3',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-69ce43bee5084078a064af39697aa314','recall',1761760588861,0,1.0,0,'20fc6fb127a34b1a9d17c3ce3e9187a3',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-69ce43bee5084078a064af39697aa314','f1_score',1761760588864,0,1.0,0,'20fc6fb127a34b1a9d17c3ce3e9187a3',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae','training_precision_score',1761760747798,0,1.0,0,'6a3bd611dcdf44929244c1f553a76f9f',NULL,'dataset','48848ef0');
INSERT INTO "logged_model_metrics" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae','training_recall_score',1761760747798,0,1.0,0,'6a3bd611dcdf44929244c1f553a76f9f',NULL,'dataset','48848ef0');
INSERT INTO "logged_model_metrics" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae','training_f1_score',1761760747798,0,1.0,0,'6a3bd611dcdf44929244c1f553a76f9f',NULL,'dataset','48848ef0');
INSERT INTO "logged_model_metrics" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae','training_accuracy_score',1761760747798,0,1.0,0,'6a3bd611dcdf44929244c1f553a76f9f',NULL,'dataset','48848ef0');
INSERT INTO "logged_model_metrics" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae','training_log_loss',1761760747798,0,4.3064248848686273452e-02,0,'6a3bd611dcdf44929244c1f553a76f9f',NULL,'dataset','48848ef0');
INSERT INTO "logged_model_metrics" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae','training_roc_auc',1761760747798,0,1.0,0,'6a3bd611dcdf44929244c1f553a76f9f',NULL,'dataset','48848ef0');
INSERT INTO "logged_model_metrics" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae','training_score',1761760748493,0,1.0,0,'6a3bd611dcdf44929244c1f553a76f9f',NULL,'dataset','48848ef0');
INSERT INTO "logged_model_metrics" VALUES('m-59d5e8310c474289bc9e07f1e2322694','training_precision_score',1761760747798,0,1.0,0,'6a3bd611dcdf44929244c1f553a76f9f',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-59d5e8310c474289bc9e07f1e2322694','training_recall_score',1761760747798,0,1.0,0,'6a3bd611dcdf44929244c1f553a76f9f',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-59d5e8310c474289bc9e07f1e2322694','training_f1_score',1761760747798,0,1.0,0,'6a3bd611dcdf44929244c1f553a76f9f',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-59d5e8310c474289bc9e07f1e2322694','training_accuracy_score',1761760747798,0,1.0,0,'6a3bd611dcdf44929244c1f553a76f9f',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-59d5e8310c474289bc9e07f1e2322694','training_log_loss',1761760747798,0,4.3064248848686273452e-02,0,'6a3bd611dcdf44929244c1f553a76f9f',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-59d5e8310c474289bc9e07f1e2322694','training_roc_auc',1761760747798,0,1.0,0,'6a3bd611dcdf44929244c1f553a76f9f',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-59d5e8310c474289bc9e07f1e2322694','training_score',1761760748493,0,1.0,0,'6a3bd611dcdf44929244c1f553a76f9f',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-59d5e8310c474289bc9e07f1e2322694','accuracy',1761760748515,0,1.0,0,'6a3bd611dcdf44929244c1f553a76f9f',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-59d5e8310c474289bc9e07f1e2322694','precision',1761760748518,0,1.0,0,'6a3bd611dcdf44929244c1f553a76f9f',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-59d5e8310c474289bc9e07f1e2322694','recall',1761760748521,0,1.0,0,'6a3bd611dcdf44929244c1f553a76f9f',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-59d5e8310c474289bc9e07f1e2322694','f1_score',1761760748524,0,1.0,0,'6a3bd611dcdf44929244c1f553a76f9f',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b','training_precision_score',1761761298626,0,1.0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3',NULL,'dataset','48848ef0');
INSERT INTO "logged_model_metrics" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b','training_recall_score',1761761298626,0,1.0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3',NULL,'dataset','48848ef0');
INSERT INTO "logged_model_metrics" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b','training_f1_score',1761761298626,0,1.0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3',NULL,'dataset','48848ef0');
INSERT INTO "logged_model_metrics" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b','training_accuracy_score',1761761298626,0,1.0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3',NULL,'dataset','48848ef0');
INSERT INTO "logged_model_metrics" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b','training_log_loss',1761761298626,0,4.3064248848686273452e-02,0,'ddd12b83f2ea419da33a8fbbec2ef4e3',NULL,'dataset','48848ef0');
INSERT INTO "logged_model_metrics" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b','training_roc_auc',1761761298626,0,1.0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3',NULL,'dataset','48848ef0');
INSERT INTO "logged_model_metrics" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b','training_score',1761761299074,0,1.0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3',NULL,'dataset','48848ef0');
INSERT INTO "logged_model_metrics" VALUES('m-23d21116d5794abab66e295c0de45337','training_precision_score',1761761298626,0,1.0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-23d21116d5794abab66e295c0de45337','training_recall_score',1761761298626,0,1.0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-23d21116d5794abab66e295c0de45337','training_f1_score',1761761298626,0,1.0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-23d21116d5794abab66e295c0de45337','training_accuracy_score',1761761298626,0,1.0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-23d21116d5794abab66e295c0de45337','training_log_loss',1761761298626,0,4.3064248848686273452e-02,0,'ddd12b83f2ea419da33a8fbbec2ef4e3',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-23d21116d5794abab66e295c0de45337','training_roc_auc',1761761298626,0,1.0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-23d21116d5794abab66e295c0de45337','training_score',1761761299074,0,1.0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-23d21116d5794abab66e295c0de45337','accuracy',1761761299095,0,1.0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-23d21116d5794abab66e295c0de45337','precision',1761761299098,0,1.0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-23d21116d5794abab66e295c0de45337','recall',1761761299101,0,1.0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3',NULL,NULL,NULL);
INSERT INTO "logged_model_metrics" VALUES('m-23d21116d5794abab66e295c0de45337','f1_score',1761761299104,0,1.0,0,'ddd12b83f2ea419da33a8fbbec2ef4e3',NULL,NULL,NULL);
CREATE TABLE logged_model_params (
	model_id VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	param_key VARCHAR(255) NOT NULL, 
	param_value TEXT NOT NULL, 
	CONSTRAINT logged_model_params_pk PRIMARY KEY (model_id, param_key), 
	CONSTRAINT fk_logged_model_params_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id), 
	CONSTRAINT fk_logged_model_params_model_id FOREIGN KEY(model_id) REFERENCES logged_models (model_id) ON DELETE CASCADE
);
INSERT INTO "logged_model_params" VALUES('m-4fa4436ea4664166a0cf79b78495dda6',1,'model_type','RandomForestClassifier');
INSERT INTO "logged_model_params" VALUES('m-4fa4436ea4664166a0cf79b78495dda6',1,'n_estimators','100');
INSERT INTO "logged_model_params" VALUES('m-4fa4436ea4664166a0cf79b78495dda6',1,'max_depth','5');
INSERT INTO "logged_model_params" VALUES('m-4fa4436ea4664166a0cf79b78495dda6',1,'random_state','42');
INSERT INTO "logged_model_params" VALUES('m-4fa4436ea4664166a0cf79b78495dda6',1,'dataset','iris');
INSERT INTO "logged_model_params" VALUES('m-6d686605cf1344eab4fce0478ae36a50',1,'model_type','RandomForestClassifier');
INSERT INTO "logged_model_params" VALUES('m-6d686605cf1344eab4fce0478ae36a50',1,'n_estimators','100');
INSERT INTO "logged_model_params" VALUES('m-6d686605cf1344eab4fce0478ae36a50',1,'max_depth','5');
INSERT INTO "logged_model_params" VALUES('m-6d686605cf1344eab4fce0478ae36a50',1,'random_state','42');
INSERT INTO "logged_model_params" VALUES('m-6d686605cf1344eab4fce0478ae36a50',1,'dataset','iris');
INSERT INTO "logged_model_params" VALUES('m-f54e854d7421450ba4b5939ac26298bb',1,'model_type','RandomForestClassifier');
INSERT INTO "logged_model_params" VALUES('m-f54e854d7421450ba4b5939ac26298bb',1,'n_estimators','100');
INSERT INTO "logged_model_params" VALUES('m-f54e854d7421450ba4b5939ac26298bb',1,'max_depth','5');
INSERT INTO "logged_model_params" VALUES('m-f54e854d7421450ba4b5939ac26298bb',1,'random_state','42');
INSERT INTO "logged_model_params" VALUES('m-f54e854d7421450ba4b5939ac26298bb',1,'dataset','iris');
INSERT INTO "logged_model_params" VALUES('m-69ce43bee5084078a064af39697aa314',1,'model_type','RandomForestClassifier');
INSERT INTO "logged_model_params" VALUES('m-69ce43bee5084078a064af39697aa314',1,'n_estimators','100');
INSERT INTO "logged_model_params" VALUES('m-69ce43bee5084078a064af39697aa314',1,'max_depth','5');
INSERT INTO "logged_model_params" VALUES('m-69ce43bee5084078a064af39697aa314',1,'random_state','42');
INSERT INTO "logged_model_params" VALUES('m-69ce43bee5084078a064af39697aa314',1,'dataset','iris');
INSERT INTO "logged_model_params" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae',1,'bootstrap','True');
INSERT INTO "logged_model_params" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae',1,'ccp_alpha','0.0');
INSERT INTO "logged_model_params" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae',1,'class_weight','None');
INSERT INTO "logged_model_params" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae',1,'criterion','gini');
INSERT INTO "logged_model_params" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae',1,'max_depth','5');
INSERT INTO "logged_model_params" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae',1,'max_features','sqrt');
INSERT INTO "logged_model_params" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae',1,'max_leaf_nodes','None');
INSERT INTO "logged_model_params" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae',1,'max_samples','None');
INSERT INTO "logged_model_params" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae',1,'min_impurity_decrease','0.0');
INSERT INTO "logged_model_params" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae',1,'min_samples_leaf','1');
INSERT INTO "logged_model_params" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae',1,'min_samples_split','2');
INSERT INTO "logged_model_params" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae',1,'min_weight_fraction_leaf','0.0');
INSERT INTO "logged_model_params" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae',1,'monotonic_cst','None');
INSERT INTO "logged_model_params" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae',1,'n_estimators','100');
INSERT INTO "logged_model_params" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae',1,'n_jobs','None');
INSERT INTO "logged_model_params" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae',1,'oob_score','False');
INSERT INTO "logged_model_params" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae',1,'random_state','42');
INSERT INTO "logged_model_params" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae',1,'verbose','0');
INSERT INTO "logged_model_params" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae',1,'warm_start','False');
INSERT INTO "logged_model_params" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae',1,'model_type','RandomForestClassifier');
INSERT INTO "logged_model_params" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae',1,'dataset','iris');
INSERT INTO "logged_model_params" VALUES('m-59d5e8310c474289bc9e07f1e2322694',1,'model_type','RandomForestClassifier');
INSERT INTO "logged_model_params" VALUES('m-59d5e8310c474289bc9e07f1e2322694',1,'n_estimators','100');
INSERT INTO "logged_model_params" VALUES('m-59d5e8310c474289bc9e07f1e2322694',1,'max_depth','5');
INSERT INTO "logged_model_params" VALUES('m-59d5e8310c474289bc9e07f1e2322694',1,'random_state','42');
INSERT INTO "logged_model_params" VALUES('m-59d5e8310c474289bc9e07f1e2322694',1,'dataset','iris');
INSERT INTO "logged_model_params" VALUES('m-59d5e8310c474289bc9e07f1e2322694',1,'bootstrap','True');
INSERT INTO "logged_model_params" VALUES('m-59d5e8310c474289bc9e07f1e2322694',1,'ccp_alpha','0.0');
INSERT INTO "logged_model_params" VALUES('m-59d5e8310c474289bc9e07f1e2322694',1,'class_weight','None');
INSERT INTO "logged_model_params" VALUES('m-59d5e8310c474289bc9e07f1e2322694',1,'criterion','gini');
INSERT INTO "logged_model_params" VALUES('m-59d5e8310c474289bc9e07f1e2322694',1,'max_features','sqrt');
INSERT INTO "logged_model_params" VALUES('m-59d5e8310c474289bc9e07f1e2322694',1,'max_leaf_nodes','None');
INSERT INTO "logged_model_params" VALUES('m-59d5e8310c474289bc9e07f1e2322694',1,'max_samples','None');
INSERT INTO "logged_model_params" VALUES('m-59d5e8310c474289bc9e07f1e2322694',1,'min_impurity_decrease','0.0');
INSERT INTO "logged_model_params" VALUES('m-59d5e8310c474289bc9e07f1e2322694',1,'min_samples_leaf','1');
INSERT INTO "logged_model_params" VALUES('m-59d5e8310c474289bc9e07f1e2322694',1,'min_samples_split','2');
INSERT INTO "logged_model_params" VALUES('m-59d5e8310c474289bc9e07f1e2322694',1,'min_weight_fraction_leaf','0.0');
INSERT INTO "logged_model_params" VALUES('m-59d5e8310c474289bc9e07f1e2322694',1,'monotonic_cst','None');
INSERT INTO "logged_model_params" VALUES('m-59d5e8310c474289bc9e07f1e2322694',1,'n_jobs','None');
INSERT INTO "logged_model_params" VALUES('m-59d5e8310c474289bc9e07f1e2322694',1,'oob_score','False');
INSERT INTO "logged_model_params" VALUES('m-59d5e8310c474289bc9e07f1e2322694',1,'verbose','0');
INSERT INTO "logged_model_params" VALUES('m-59d5e8310c474289bc9e07f1e2322694',1,'warm_start','False');
INSERT INTO "logged_model_params" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b',1,'bootstrap','True');
INSERT INTO "logged_model_params" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b',1,'ccp_alpha','0.0');
INSERT INTO "logged_model_params" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b',1,'class_weight','None');
INSERT INTO "logged_model_params" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b',1,'criterion','gini');
INSERT INTO "logged_model_params" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b',1,'max_depth','5');
INSERT INTO "logged_model_params" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b',1,'max_features','sqrt');
INSERT INTO "logged_model_params" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b',1,'max_leaf_nodes','None');
INSERT INTO "logged_model_params" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b',1,'max_samples','None');
INSERT INTO "logged_model_params" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b',1,'min_impurity_decrease','0.0');
INSERT INTO "logged_model_params" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b',1,'min_samples_leaf','1');
INSERT INTO "logged_model_params" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b',1,'min_samples_split','2');
INSERT INTO "logged_model_params" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b',1,'min_weight_fraction_leaf','0.0');
INSERT INTO "logged_model_params" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b',1,'monotonic_cst','None');
INSERT INTO "logged_model_params" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b',1,'n_estimators','100');
INSERT INTO "logged_model_params" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b',1,'n_jobs','None');
INSERT INTO "logged_model_params" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b',1,'oob_score','False');
INSERT INTO "logged_model_params" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b',1,'random_state','42');
INSERT INTO "logged_model_params" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b',1,'verbose','0');
INSERT INTO "logged_model_params" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b',1,'warm_start','False');
INSERT INTO "logged_model_params" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b',1,'model_type','RandomForestClassifier');
INSERT INTO "logged_model_params" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b',1,'dataset','iris');
INSERT INTO "logged_model_params" VALUES('m-23d21116d5794abab66e295c0de45337',1,'model_type','RandomForestClassifier');
INSERT INTO "logged_model_params" VALUES('m-23d21116d5794abab66e295c0de45337',1,'n_estimators','100');
INSERT INTO "logged_model_params" VALUES('m-23d21116d5794abab66e295c0de45337',1,'max_depth','5');
INSERT INTO "logged_model_params" VALUES('m-23d21116d5794abab66e295c0de45337',1,'random_state','42');
INSERT INTO "logged_model_params" VALUES('m-23d21116d5794abab66e295c0de45337',1,'dataset','iris');
INSERT INTO "logged_model_params" VALUES('m-23d21116d5794abab66e295c0de45337',1,'bootstrap','True');
INSERT INTO "logged_model_params" VALUES('m-23d21116d5794abab66e295c0de45337',1,'ccp_alpha','0.0');
INSERT INTO "logged_model_params" VALUES('m-23d21116d5794abab66e295c0de45337',1,'class_weight','None');
INSERT INTO "logged_model_params" VALUES('m-23d21116d5794abab66e295c0de45337',1,'criterion','gini');
INSERT INTO "logged_model_params" VALUES('m-23d21116d5794abab66e295c0de45337',1,'max_features','sqrt');
INSERT INTO "logged_model_params" VALUES('m-23d21116d5794abab66e295c0de45337',1,'max_leaf_nodes','None');
INSERT INTO "logged_model_params" VALUES('m-23d21116d5794abab66e295c0de45337',1,'max_samples','None');
INSERT INTO "logged_model_params" VALUES('m-23d21116d5794abab66e295c0de45337',1,'min_impurity_decrease','0.0');
INSERT INTO "logged_model_params" VALUES('m-23d21116d5794abab66e295c0de45337',1,'min_samples_leaf','1');
INSERT INTO "logged_model_params" VALUES('m-23d21116d5794abab66e295c0de45337',1,'min_samples_split','2');
INSERT INTO "logged_model_params" VALUES('m-23d21116d5794abab66e295c0de45337',1,'min_weight_fraction_leaf','0.0');
INSERT INTO "logged_model_params" VALUES('m-23d21116d5794abab66e295c0de45337',1,'monotonic_cst','None');
INSERT INTO "logged_model_params" VALUES('m-23d21116d5794abab66e295c0de45337',1,'n_jobs','None');
INSERT INTO "logged_model_params" VALUES('m-23d21116d5794abab66e295c0de45337',1,'oob_score','False');
INSERT INTO "logged_model_params" VALUES('m-23d21116d5794abab66e295c0de45337',1,'verbose','0');
INSERT INTO "logged_model_params" VALUES('m-23d21116d5794abab66e295c0de45337',1,'warm_start','False');
CREATE TABLE logged_model_tags (
	model_id VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	tag_key VARCHAR(255) NOT NULL, 
	tag_value TEXT NOT NULL, 
	CONSTRAINT logged_model_tags_pk PRIMARY KEY (model_id, tag_key), 
	CONSTRAINT fk_logged_model_tags_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id), 
	CONSTRAINT fk_logged_model_tags_model_id FOREIGN KEY(model_id) REFERENCES logged_models (model_id) ON DELETE CASCADE
);
INSERT INTO "logged_model_tags" VALUES('m-4fa4436ea4664166a0cf79b78495dda6',1,'mlflow.user','user1');
INSERT INTO "logged_model_tags" VALUES('m-4fa4436ea4664166a0cf79b78495dda6',1,'mlflow.source.name','iris_RandomForestClassifier_mlflow.py');
INSERT INTO "logged_model_tags" VALUES('m-4fa4436ea4664166a0cf79b78495dda6',1,'mlflow.source.type','LOCAL');
INSERT INTO "logged_model_tags" VALUES('m-4fa4436ea4664166a0cf79b78495dda6',1,'mlflow.source.git.commit','b7965efb6c9de510d6751f2443efb08ea5cd33be');
INSERT INTO "logged_model_tags" VALUES('m-6d686605cf1344eab4fce0478ae36a50',1,'mlflow.user','user1');
INSERT INTO "logged_model_tags" VALUES('m-6d686605cf1344eab4fce0478ae36a50',1,'mlflow.source.name','iris_RandomForestClassifier_mlflow_drift.py');
INSERT INTO "logged_model_tags" VALUES('m-6d686605cf1344eab4fce0478ae36a50',1,'mlflow.source.type','LOCAL');
INSERT INTO "logged_model_tags" VALUES('m-6d686605cf1344eab4fce0478ae36a50',1,'mlflow.source.git.commit','b7965efb6c9de510d6751f2443efb08ea5cd33be');
INSERT INTO "logged_model_tags" VALUES('m-f54e854d7421450ba4b5939ac26298bb',1,'mlflow.user','user1');
INSERT INTO "logged_model_tags" VALUES('m-f54e854d7421450ba4b5939ac26298bb',1,'mlflow.source.name','iris_RandomForestClassifier_mlflow_drift-2.py');
INSERT INTO "logged_model_tags" VALUES('m-f54e854d7421450ba4b5939ac26298bb',1,'mlflow.source.type','LOCAL');
INSERT INTO "logged_model_tags" VALUES('m-f54e854d7421450ba4b5939ac26298bb',1,'mlflow.source.git.commit','b7965efb6c9de510d6751f2443efb08ea5cd33be');
INSERT INTO "logged_model_tags" VALUES('m-69ce43bee5084078a064af39697aa314',1,'mlflow.user','user1');
INSERT INTO "logged_model_tags" VALUES('m-69ce43bee5084078a064af39697aa314',1,'mlflow.source.name','iris_RandomForestClassifier_mlflow_drift-2.py');
INSERT INTO "logged_model_tags" VALUES('m-69ce43bee5084078a064af39697aa314',1,'mlflow.source.type','LOCAL');
INSERT INTO "logged_model_tags" VALUES('m-69ce43bee5084078a064af39697aa314',1,'mlflow.source.git.commit','b7965efb6c9de510d6751f2443efb08ea5cd33be');
INSERT INTO "logged_model_tags" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae',1,'mlflow.user','user1');
INSERT INTO "logged_model_tags" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae',1,'mlflow.source.name','iris_RandomForestClassifier_mlflow_drift-2.py');
INSERT INTO "logged_model_tags" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae',1,'mlflow.source.type','LOCAL');
INSERT INTO "logged_model_tags" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae',1,'mlflow.source.git.commit','b7965efb6c9de510d6751f2443efb08ea5cd33be');
INSERT INTO "logged_model_tags" VALUES('m-59d5e8310c474289bc9e07f1e2322694',1,'mlflow.user','user1');
INSERT INTO "logged_model_tags" VALUES('m-59d5e8310c474289bc9e07f1e2322694',1,'mlflow.source.name','iris_RandomForestClassifier_mlflow_drift-2.py');
INSERT INTO "logged_model_tags" VALUES('m-59d5e8310c474289bc9e07f1e2322694',1,'mlflow.source.type','LOCAL');
INSERT INTO "logged_model_tags" VALUES('m-59d5e8310c474289bc9e07f1e2322694',1,'mlflow.source.git.commit','b7965efb6c9de510d6751f2443efb08ea5cd33be');
INSERT INTO "logged_model_tags" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b',1,'mlflow.user','user1');
INSERT INTO "logged_model_tags" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b',1,'mlflow.source.name','iris_RandomForestClassifier_mlflow_drift.py');
INSERT INTO "logged_model_tags" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b',1,'mlflow.source.type','LOCAL');
INSERT INTO "logged_model_tags" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b',1,'mlflow.source.git.commit','b7965efb6c9de510d6751f2443efb08ea5cd33be');
INSERT INTO "logged_model_tags" VALUES('m-23d21116d5794abab66e295c0de45337',1,'mlflow.user','user1');
INSERT INTO "logged_model_tags" VALUES('m-23d21116d5794abab66e295c0de45337',1,'mlflow.source.name','iris_RandomForestClassifier_mlflow_drift.py');
INSERT INTO "logged_model_tags" VALUES('m-23d21116d5794abab66e295c0de45337',1,'mlflow.source.type','LOCAL');
INSERT INTO "logged_model_tags" VALUES('m-23d21116d5794abab66e295c0de45337',1,'mlflow.source.git.commit','b7965efb6c9de510d6751f2443efb08ea5cd33be');
CREATE TABLE logged_models (
	model_id VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(500) NOT NULL, 
	artifact_location VARCHAR(1000) NOT NULL, 
	creation_timestamp_ms BIGINT NOT NULL, 
	last_updated_timestamp_ms BIGINT NOT NULL, 
	status INTEGER NOT NULL, 
	lifecycle_stage VARCHAR(32), 
	model_type VARCHAR(500), 
	source_run_id VARCHAR(32), 
	status_message VARCHAR(1000), 
	CONSTRAINT logged_models_pk PRIMARY KEY (model_id), 
	CONSTRAINT logged_models_lifecycle_stage_check CHECK (lifecycle_stage IN ('active', 'deleted')), 
	CONSTRAINT fk_logged_models_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id) ON DELETE CASCADE
);
INSERT INTO "logged_models" VALUES('m-4fa4436ea4664166a0cf79b78495dda6',1,'model','mlflow-artifacts:/1/models/m-4fa4436ea4664166a0cf79b78495dda6/artifacts',1761759782034,1761759784308,2,'active','','eedd0e314afc43b887e411592767f7ad',NULL);
INSERT INTO "logged_models" VALUES('m-6d686605cf1344eab4fce0478ae36a50',1,'model','mlflow-artifacts:/1/models/m-6d686605cf1344eab4fce0478ae36a50/artifacts',1761760082650,1761760970982,2,'deleted','','ce7a81230f4447b1bbb09a000b1f16e0',NULL);
INSERT INTO "logged_models" VALUES('m-f54e854d7421450ba4b5939ac26298bb',1,'model','mlflow-artifacts:/1/models/m-f54e854d7421450ba4b5939ac26298bb/artifacts',1761760556879,1761760846068,2,'deleted','','787e7d70eb6e4746b96de05395a8c240',NULL);
INSERT INTO "logged_models" VALUES('m-69ce43bee5084078a064af39697aa314',1,'model','mlflow-artifacts:/1/models/m-69ce43bee5084078a064af39697aa314/artifacts',1761760588876,1761761102282,2,'deleted','','20fc6fb127a34b1a9d17c3ce3e9187a3',NULL);
INSERT INTO "logged_models" VALUES('m-dbb4c8f3e86549bb81f6f1ec567a47ae',1,'model','mlflow-artifacts:/1/models/m-dbb4c8f3e86549bb81f6f1ec567a47ae/artifacts',1761760745598,1761761135771,2,'deleted','','6a3bd611dcdf44929244c1f553a76f9f',NULL);
INSERT INTO "logged_models" VALUES('m-59d5e8310c474289bc9e07f1e2322694',1,'model','mlflow-artifacts:/1/models/m-59d5e8310c474289bc9e07f1e2322694/artifacts',1761760748543,1761761130032,2,'deleted','','6a3bd611dcdf44929244c1f553a76f9f',NULL);
INSERT INTO "logged_models" VALUES('m-295c7cb4b978470bb47709b90f8f0b1b',1,'model','mlflow-artifacts:/1/models/m-295c7cb4b978470bb47709b90f8f0b1b/artifacts',1761761296530,1761761298608,2,'active','','ddd12b83f2ea419da33a8fbbec2ef4e3',NULL);
INSERT INTO "logged_models" VALUES('m-23d21116d5794abab66e295c0de45337',1,'model','mlflow-artifacts:/1/models/m-23d21116d5794abab66e295c0de45337/artifacts',1761761299123,1761761300918,2,'active','','ddd12b83f2ea419da33a8fbbec2ef4e3',NULL);
CREATE TABLE "metrics" (
	"key" VARCHAR(250) NOT NULL, 
	value FLOAT NOT NULL, 
	timestamp BIGINT NOT NULL, 
	run_uuid VARCHAR(32) NOT NULL, 
	step BIGINT DEFAULT '0' NOT NULL, 
	is_nan BOOLEAN DEFAULT '0' NOT NULL, 
	CONSTRAINT metric_pk PRIMARY KEY ("key", timestamp, step, run_uuid, value, is_nan), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid), 
	CHECK (is_nan IN (0, 1))
);
INSERT INTO "metrics" VALUES('accuracy',1.0,1761759782013,'eedd0e314afc43b887e411592767f7ad',0,0);
INSERT INTO "metrics" VALUES('precision',1.0,1761759782018,'eedd0e314afc43b887e411592767f7ad',0,0);
INSERT INTO "metrics" VALUES('recall',1.0,1761759782021,'eedd0e314afc43b887e411592767f7ad',0,0);
INSERT INTO "metrics" VALUES('f1_score',1.0,1761759782023,'eedd0e314afc43b887e411592767f7ad',0,0);
INSERT INTO "metrics" VALUES('accuracy',1.0,1761760082628,'ce7a81230f4447b1bbb09a000b1f16e0',0,0);
INSERT INTO "metrics" VALUES('precision',1.0,1761760082632,'ce7a81230f4447b1bbb09a000b1f16e0',0,0);
INSERT INTO "metrics" VALUES('recall',1.0,1761760082635,'ce7a81230f4447b1bbb09a000b1f16e0',0,0);
INSERT INTO "metrics" VALUES('f1_score',1.0,1761760082638,'ce7a81230f4447b1bbb09a000b1f16e0',0,0);
INSERT INTO "metrics" VALUES('accuracy_drifted',1.0,1761760085231,'ce7a81230f4447b1bbb09a000b1f16e0',0,0);
INSERT INTO "metrics" VALUES('performance_change',0.0,1761760085235,'ce7a81230f4447b1bbb09a000b1f16e0',0,0);
INSERT INTO "metrics" VALUES('accuracy',1.0,1761760556857,'787e7d70eb6e4746b96de05395a8c240',0,0);
INSERT INTO "metrics" VALUES('precision',1.0,1761760556861,'787e7d70eb6e4746b96de05395a8c240',0,0);
INSERT INTO "metrics" VALUES('recall',1.0,1761760556864,'787e7d70eb6e4746b96de05395a8c240',0,0);
INSERT INTO "metrics" VALUES('f1_score',1.0,1761760556867,'787e7d70eb6e4746b96de05395a8c240',0,0);
INSERT INTO "metrics" VALUES('accuracy',1.0,1761760588855,'20fc6fb127a34b1a9d17c3ce3e9187a3',0,0);
INSERT INTO "metrics" VALUES('precision',1.0,1761760588858,'20fc6fb127a34b1a9d17c3ce3e9187a3',0,0);
INSERT INTO "metrics" VALUES('recall',1.0,1761760588861,'20fc6fb127a34b1a9d17c3ce3e9187a3',0,0);
INSERT INTO "metrics" VALUES('f1_score',1.0,1761760588864,'20fc6fb127a34b1a9d17c3ce3e9187a3',0,0);
INSERT INTO "metrics" VALUES('accuracy_drifted',1.0,1761760591238,'20fc6fb127a34b1a9d17c3ce3e9187a3',0,0);
INSERT INTO "metrics" VALUES('performance_change',0.0,1761760591242,'20fc6fb127a34b1a9d17c3ce3e9187a3',0,0);
INSERT INTO "metrics" VALUES('training_precision_score',1.0,1761760747798,'6a3bd611dcdf44929244c1f553a76f9f',0,0);
INSERT INTO "metrics" VALUES('training_recall_score',1.0,1761760747798,'6a3bd611dcdf44929244c1f553a76f9f',0,0);
INSERT INTO "metrics" VALUES('training_f1_score',1.0,1761760747798,'6a3bd611dcdf44929244c1f553a76f9f',0,0);
INSERT INTO "metrics" VALUES('training_accuracy_score',1.0,1761760747798,'6a3bd611dcdf44929244c1f553a76f9f',0,0);
INSERT INTO "metrics" VALUES('training_log_loss',4.3064248848686273452e-02,1761760747798,'6a3bd611dcdf44929244c1f553a76f9f',0,0);
INSERT INTO "metrics" VALUES('training_roc_auc',1.0,1761760747798,'6a3bd611dcdf44929244c1f553a76f9f',0,0);
INSERT INTO "metrics" VALUES('training_score',1.0,1761760748493,'6a3bd611dcdf44929244c1f553a76f9f',0,0);
INSERT INTO "metrics" VALUES('accuracy',1.0,1761760748515,'6a3bd611dcdf44929244c1f553a76f9f',0,0);
INSERT INTO "metrics" VALUES('precision',1.0,1761760748518,'6a3bd611dcdf44929244c1f553a76f9f',0,0);
INSERT INTO "metrics" VALUES('recall',1.0,1761760748521,'6a3bd611dcdf44929244c1f553a76f9f',0,0);
INSERT INTO "metrics" VALUES('f1_score',1.0,1761760748524,'6a3bd611dcdf44929244c1f553a76f9f',0,0);
INSERT INTO "metrics" VALUES('accuracy_drifted',1.0,1761760750466,'6a3bd611dcdf44929244c1f553a76f9f',0,0);
INSERT INTO "metrics" VALUES('performance_change',0.0,1761760750469,'6a3bd611dcdf44929244c1f553a76f9f',0,0);
INSERT INTO "metrics" VALUES('training_precision_score',1.0,1761761298626,'ddd12b83f2ea419da33a8fbbec2ef4e3',0,0);
INSERT INTO "metrics" VALUES('training_recall_score',1.0,1761761298626,'ddd12b83f2ea419da33a8fbbec2ef4e3',0,0);
INSERT INTO "metrics" VALUES('training_f1_score',1.0,1761761298626,'ddd12b83f2ea419da33a8fbbec2ef4e3',0,0);
INSERT INTO "metrics" VALUES('training_accuracy_score',1.0,1761761298626,'ddd12b83f2ea419da33a8fbbec2ef4e3',0,0);
INSERT INTO "metrics" VALUES('training_log_loss',4.3064248848686273452e-02,1761761298626,'ddd12b83f2ea419da33a8fbbec2ef4e3',0,0);
INSERT INTO "metrics" VALUES('training_roc_auc',1.0,1761761298626,'ddd12b83f2ea419da33a8fbbec2ef4e3',0,0);
INSERT INTO "metrics" VALUES('training_score',1.0,1761761299074,'ddd12b83f2ea419da33a8fbbec2ef4e3',0,0);
INSERT INTO "metrics" VALUES('accuracy',1.0,1761761299095,'ddd12b83f2ea419da33a8fbbec2ef4e3',0,0);
INSERT INTO "metrics" VALUES('precision',1.0,1761761299098,'ddd12b83f2ea419da33a8fbbec2ef4e3',0,0);
INSERT INTO "metrics" VALUES('recall',1.0,1761761299101,'ddd12b83f2ea419da33a8fbbec2ef4e3',0,0);
INSERT INTO "metrics" VALUES('f1_score',1.0,1761761299104,'ddd12b83f2ea419da33a8fbbec2ef4e3',0,0);
INSERT INTO "metrics" VALUES('accuracy_drifted',1.0,1761761301127,'ddd12b83f2ea419da33a8fbbec2ef4e3',0,0);
INSERT INTO "metrics" VALUES('performance_change',0.0,1761761301129,'ddd12b83f2ea419da33a8fbbec2ef4e3',0,0);
CREATE TABLE "model_version_tags" (
	"key" VARCHAR(250) NOT NULL, 
	value TEXT, 
	name VARCHAR(256) NOT NULL, 
	version INTEGER NOT NULL, 
	CONSTRAINT model_version_tag_pk PRIMARY KEY ("key", name, version), 
	FOREIGN KEY(name, version) REFERENCES model_versions (name, version) ON UPDATE CASCADE
);
CREATE TABLE "model_versions" (
	name VARCHAR(256) NOT NULL, 
	version INTEGER NOT NULL, 
	creation_time BIGINT, 
	last_updated_time BIGINT, 
	description VARCHAR(5000), 
	user_id VARCHAR(256), 
	current_stage VARCHAR(20), 
	source VARCHAR(500), 
	run_id VARCHAR(32), 
	status VARCHAR(20), 
	status_message VARCHAR(500), 
	run_link VARCHAR(500), storage_location VARCHAR(500), 
	CONSTRAINT model_version_pk PRIMARY KEY (name, version), 
	FOREIGN KEY(name) REFERENCES registered_models (name) ON UPDATE CASCADE
);
CREATE TABLE "params" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000) NOT NULL, 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT param_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid)
);
INSERT INTO "params" VALUES('model_type','RandomForestClassifier','eedd0e314afc43b887e411592767f7ad');
INSERT INTO "params" VALUES('n_estimators','100','eedd0e314afc43b887e411592767f7ad');
INSERT INTO "params" VALUES('max_depth','5','eedd0e314afc43b887e411592767f7ad');
INSERT INTO "params" VALUES('random_state','42','eedd0e314afc43b887e411592767f7ad');
INSERT INTO "params" VALUES('dataset','iris','eedd0e314afc43b887e411592767f7ad');
INSERT INTO "params" VALUES('model_type','RandomForestClassifier','ce7a81230f4447b1bbb09a000b1f16e0');
INSERT INTO "params" VALUES('n_estimators','100','ce7a81230f4447b1bbb09a000b1f16e0');
INSERT INTO "params" VALUES('max_depth','5','ce7a81230f4447b1bbb09a000b1f16e0');
INSERT INTO "params" VALUES('random_state','42','ce7a81230f4447b1bbb09a000b1f16e0');
INSERT INTO "params" VALUES('dataset','iris','ce7a81230f4447b1bbb09a000b1f16e0');
INSERT INTO "params" VALUES('model_type','RandomForestClassifier','787e7d70eb6e4746b96de05395a8c240');
INSERT INTO "params" VALUES('n_estimators','100','787e7d70eb6e4746b96de05395a8c240');
INSERT INTO "params" VALUES('max_depth','5','787e7d70eb6e4746b96de05395a8c240');
INSERT INTO "params" VALUES('random_state','42','787e7d70eb6e4746b96de05395a8c240');
INSERT INTO "params" VALUES('dataset','iris','787e7d70eb6e4746b96de05395a8c240');
INSERT INTO "params" VALUES('model_type','RandomForestClassifier','20fc6fb127a34b1a9d17c3ce3e9187a3');
INSERT INTO "params" VALUES('n_estimators','100','20fc6fb127a34b1a9d17c3ce3e9187a3');
INSERT INTO "params" VALUES('max_depth','5','20fc6fb127a34b1a9d17c3ce3e9187a3');
INSERT INTO "params" VALUES('random_state','42','20fc6fb127a34b1a9d17c3ce3e9187a3');
INSERT INTO "params" VALUES('dataset','iris','20fc6fb127a34b1a9d17c3ce3e9187a3');
INSERT INTO "params" VALUES('model_type','RandomForestClassifier','6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "params" VALUES('n_estimators','100','6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "params" VALUES('max_depth','5','6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "params" VALUES('random_state','42','6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "params" VALUES('dataset','iris','6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "params" VALUES('bootstrap','True','6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "params" VALUES('ccp_alpha','0.0','6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "params" VALUES('class_weight','None','6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "params" VALUES('criterion','gini','6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "params" VALUES('max_features','sqrt','6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "params" VALUES('max_leaf_nodes','None','6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "params" VALUES('max_samples','None','6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "params" VALUES('min_impurity_decrease','0.0','6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "params" VALUES('min_samples_leaf','1','6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "params" VALUES('min_samples_split','2','6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "params" VALUES('min_weight_fraction_leaf','0.0','6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "params" VALUES('monotonic_cst','None','6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "params" VALUES('n_jobs','None','6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "params" VALUES('oob_score','False','6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "params" VALUES('verbose','0','6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "params" VALUES('warm_start','False','6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "params" VALUES('model_type','RandomForestClassifier','ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "params" VALUES('n_estimators','100','ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "params" VALUES('max_depth','5','ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "params" VALUES('random_state','42','ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "params" VALUES('dataset','iris','ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "params" VALUES('bootstrap','True','ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "params" VALUES('ccp_alpha','0.0','ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "params" VALUES('class_weight','None','ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "params" VALUES('criterion','gini','ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "params" VALUES('max_features','sqrt','ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "params" VALUES('max_leaf_nodes','None','ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "params" VALUES('max_samples','None','ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "params" VALUES('min_impurity_decrease','0.0','ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "params" VALUES('min_samples_leaf','1','ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "params" VALUES('min_samples_split','2','ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "params" VALUES('min_weight_fraction_leaf','0.0','ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "params" VALUES('monotonic_cst','None','ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "params" VALUES('n_jobs','None','ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "params" VALUES('oob_score','False','ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "params" VALUES('verbose','0','ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "params" VALUES('warm_start','False','ddd12b83f2ea419da33a8fbbec2ef4e3');
CREATE TABLE registered_model_aliases (
	alias VARCHAR(256) NOT NULL, 
	version INTEGER NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	CONSTRAINT registered_model_alias_pk PRIMARY KEY (name, alias), 
	CONSTRAINT registered_model_alias_name_fkey FOREIGN KEY(name) REFERENCES registered_models (name) ON DELETE cascade ON UPDATE cascade
);
CREATE TABLE registered_model_tags (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(5000), 
	name VARCHAR(256) NOT NULL, 
	CONSTRAINT registered_model_tag_pk PRIMARY KEY ("key", name), 
	FOREIGN KEY(name) REFERENCES registered_models (name) ON UPDATE cascade
);
CREATE TABLE registered_models (
	name VARCHAR(256) NOT NULL, 
	creation_time BIGINT, 
	last_updated_time BIGINT, 
	description VARCHAR(5000), 
	CONSTRAINT registered_model_pk PRIMARY KEY (name), 
	UNIQUE (name)
);
CREATE TABLE "runs" (
	run_uuid VARCHAR(32) NOT NULL, 
	name VARCHAR(250), 
	source_type VARCHAR(20), 
	source_name VARCHAR(500), 
	entry_point_name VARCHAR(50), 
	user_id VARCHAR(256), 
	status VARCHAR(9), 
	start_time BIGINT, 
	end_time BIGINT, 
	source_version VARCHAR(50), 
	lifecycle_stage VARCHAR(20), 
	artifact_uri VARCHAR(200), 
	experiment_id INTEGER, deleted_time BIGINT, 
	CONSTRAINT run_pk PRIMARY KEY (run_uuid), 
	CONSTRAINT source_type CHECK (source_type IN ('NOTEBOOK', 'JOB', 'LOCAL', 'UNKNOWN', 'PROJECT')), 
	CONSTRAINT runs_lifecycle_stage CHECK (lifecycle_stage IN ('active', 'deleted')), 
	FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id), 
	CHECK (status IN ('SCHEDULED', 'FAILED', 'FINISHED', 'RUNNING', 'KILLED'))
);
INSERT INTO "runs" VALUES('eedd0e314afc43b887e411592767f7ad','random-forest-v1','UNKNOWN','','','user1','FINISHED',1761759781943,1761759784310,'','active','mlflow-artifacts:/1/eedd0e314afc43b887e411592767f7ad/artifacts',1,NULL);
INSERT INTO "runs" VALUES('0c884ffd5f80495fb53995cb3268e9f5','random-forest-v2-drifted-20251029-184711','UNKNOWN','','','user1','RUNNING',1761760031226,NULL,'','deleted','mlflow-artifacts:/1/0c884ffd5f80495fb53995cb3268e9f5/artifacts',1,1761760995552);
INSERT INTO "runs" VALUES('ce7a81230f4447b1bbb09a000b1f16e0','random-forest-v2-drifted-20251029-184802','UNKNOWN','','','user1','FINISHED',1761760082561,1761760085238,'','deleted','mlflow-artifacts:/1/ce7a81230f4447b1bbb09a000b1f16e0/artifacts',1,1761761068630);
INSERT INTO "runs" VALUES('787e7d70eb6e4746b96de05395a8c240','random-forest-v2-drifted-20251029-185556','UNKNOWN','','','user1','FAILED',1761760556789,1761760559053,'','deleted','mlflow-artifacts:/1/787e7d70eb6e4746b96de05395a8c240/artifacts',1,1761760909348);
INSERT INTO "runs" VALUES('20fc6fb127a34b1a9d17c3ce3e9187a3','random-forest-v2-drifted-20251029-185628','UNKNOWN','','','user1','FINISHED',1761760588789,1761760591244,'','deleted','mlflow-artifacts:/1/20fc6fb127a34b1a9d17c3ce3e9187a3/artifacts',1,1761760872550);
INSERT INTO "runs" VALUES('6a3bd611dcdf44929244c1f553a76f9f','random-forest-v2-drifted-20251029-185905','UNKNOWN','','','user1','FINISHED',1761760745186,1761760750472,'','deleted','mlflow-artifacts:/1/6a3bd611dcdf44929244c1f553a76f9f/artifacts',1,1761761142826);
INSERT INTO "runs" VALUES('ddd12b83f2ea419da33a8fbbec2ef4e3','random-forest-v2-drifted-20251029-190816','UNKNOWN','','','user1','FINISHED',1761761296321,1761761301132,'','active','mlflow-artifacts:/1/ddd12b83f2ea419da33a8fbbec2ef4e3/artifacts',1,NULL);
CREATE TABLE scorer_versions (
	scorer_id VARCHAR(36) NOT NULL, 
	scorer_version INTEGER NOT NULL, 
	serialized_scorer TEXT NOT NULL, 
	creation_time BIGINT, 
	CONSTRAINT scorer_version_pk PRIMARY KEY (scorer_id, scorer_version), 
	CONSTRAINT fk_scorer_versions_scorer_id FOREIGN KEY(scorer_id) REFERENCES scorers (scorer_id) ON DELETE CASCADE
);
CREATE TABLE scorers (
	experiment_id INTEGER NOT NULL, 
	scorer_name VARCHAR(256) NOT NULL, 
	scorer_id VARCHAR(36) NOT NULL, 
	CONSTRAINT scorer_pk PRIMARY KEY (scorer_id), 
	CONSTRAINT fk_scorers_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id) ON DELETE CASCADE
);
CREATE TABLE spans (
	trace_id VARCHAR(50) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	span_id VARCHAR(50) NOT NULL, 
	parent_span_id VARCHAR(50), 
	name TEXT, 
	type VARCHAR(500), 
	status VARCHAR(50) NOT NULL, 
	start_time_unix_nano BIGINT NOT NULL, 
	end_time_unix_nano BIGINT, 
	duration_ns BIGINT GENERATED ALWAYS AS (end_time_unix_nano - start_time_unix_nano) STORED, 
	content TEXT NOT NULL, 
	CONSTRAINT spans_pk PRIMARY KEY (trace_id, span_id), 
	CONSTRAINT fk_spans_trace_id FOREIGN KEY(trace_id) REFERENCES trace_info (request_id) ON DELETE CASCADE, 
	CONSTRAINT fk_spans_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id)
);
CREATE TABLE "tags" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000), 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT tag_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid)
);
INSERT INTO "tags" VALUES('mlflow.user','user1','eedd0e314afc43b887e411592767f7ad');
INSERT INTO "tags" VALUES('mlflow.source.name','iris_RandomForestClassifier_mlflow.py','eedd0e314afc43b887e411592767f7ad');
INSERT INTO "tags" VALUES('mlflow.source.type','LOCAL','eedd0e314afc43b887e411592767f7ad');
INSERT INTO "tags" VALUES('mlflow.source.git.commit','b7965efb6c9de510d6751f2443efb08ea5cd33be','eedd0e314afc43b887e411592767f7ad');
INSERT INTO "tags" VALUES('mlflow.runName','random-forest-v1','eedd0e314afc43b887e411592767f7ad');
INSERT INTO "tags" VALUES('mlflow.user','user1','0c884ffd5f80495fb53995cb3268e9f5');
INSERT INTO "tags" VALUES('mlflow.source.name','iris_RandomForestClassifier_mlflow_drift.py','0c884ffd5f80495fb53995cb3268e9f5');
INSERT INTO "tags" VALUES('mlflow.source.type','LOCAL','0c884ffd5f80495fb53995cb3268e9f5');
INSERT INTO "tags" VALUES('mlflow.source.git.commit','b7965efb6c9de510d6751f2443efb08ea5cd33be','0c884ffd5f80495fb53995cb3268e9f5');
INSERT INTO "tags" VALUES('mlflow.runName','random-forest-v2-drifted-20251029-184711','0c884ffd5f80495fb53995cb3268e9f5');
INSERT INTO "tags" VALUES('mlflow.user','user1','ce7a81230f4447b1bbb09a000b1f16e0');
INSERT INTO "tags" VALUES('mlflow.source.name','iris_RandomForestClassifier_mlflow_drift.py','ce7a81230f4447b1bbb09a000b1f16e0');
INSERT INTO "tags" VALUES('mlflow.source.type','LOCAL','ce7a81230f4447b1bbb09a000b1f16e0');
INSERT INTO "tags" VALUES('mlflow.source.git.commit','b7965efb6c9de510d6751f2443efb08ea5cd33be','ce7a81230f4447b1bbb09a000b1f16e0');
INSERT INTO "tags" VALUES('mlflow.runName','random-forest-v2-drifted-20251029-184802','ce7a81230f4447b1bbb09a000b1f16e0');
INSERT INTO "tags" VALUES('mlflow.user','user1','787e7d70eb6e4746b96de05395a8c240');
INSERT INTO "tags" VALUES('mlflow.source.name','iris_RandomForestClassifier_mlflow_drift-2.py','787e7d70eb6e4746b96de05395a8c240');
INSERT INTO "tags" VALUES('mlflow.source.type','LOCAL','787e7d70eb6e4746b96de05395a8c240');
INSERT INTO "tags" VALUES('mlflow.source.git.commit','b7965efb6c9de510d6751f2443efb08ea5cd33be','787e7d70eb6e4746b96de05395a8c240');
INSERT INTO "tags" VALUES('mlflow.runName','random-forest-v2-drifted-20251029-185556','787e7d70eb6e4746b96de05395a8c240');
INSERT INTO "tags" VALUES('mlflow.user','user1','20fc6fb127a34b1a9d17c3ce3e9187a3');
INSERT INTO "tags" VALUES('mlflow.source.name','iris_RandomForestClassifier_mlflow_drift-2.py','20fc6fb127a34b1a9d17c3ce3e9187a3');
INSERT INTO "tags" VALUES('mlflow.source.type','LOCAL','20fc6fb127a34b1a9d17c3ce3e9187a3');
INSERT INTO "tags" VALUES('mlflow.source.git.commit','b7965efb6c9de510d6751f2443efb08ea5cd33be','20fc6fb127a34b1a9d17c3ce3e9187a3');
INSERT INTO "tags" VALUES('mlflow.runName','random-forest-v2-drifted-20251029-185628','20fc6fb127a34b1a9d17c3ce3e9187a3');
INSERT INTO "tags" VALUES('mlflow.user','user1','6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "tags" VALUES('mlflow.source.name','iris_RandomForestClassifier_mlflow_drift-2.py','6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "tags" VALUES('mlflow.source.type','LOCAL','6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "tags" VALUES('mlflow.source.git.commit','b7965efb6c9de510d6751f2443efb08ea5cd33be','6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "tags" VALUES('mlflow.runName','random-forest-v2-drifted-20251029-185905','6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "tags" VALUES('estimator_name','RandomForestClassifier','6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "tags" VALUES('estimator_class','sklearn.ensemble._forest.RandomForestClassifier','6a3bd611dcdf44929244c1f553a76f9f');
INSERT INTO "tags" VALUES('mlflow.user','user1','ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "tags" VALUES('mlflow.source.name','iris_RandomForestClassifier_mlflow_drift.py','ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "tags" VALUES('mlflow.source.type','LOCAL','ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "tags" VALUES('mlflow.source.git.commit','b7965efb6c9de510d6751f2443efb08ea5cd33be','ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "tags" VALUES('mlflow.runName','random-forest-v2-drifted-20251029-190816','ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "tags" VALUES('estimator_name','RandomForestClassifier','ddd12b83f2ea419da33a8fbbec2ef4e3');
INSERT INTO "tags" VALUES('estimator_class','sklearn.ensemble._forest.RandomForestClassifier','ddd12b83f2ea419da33a8fbbec2ef4e3');
CREATE TABLE trace_info (
	request_id VARCHAR(50) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	timestamp_ms BIGINT NOT NULL, 
	execution_time_ms BIGINT, 
	status VARCHAR(50) NOT NULL, client_request_id VARCHAR(50), request_preview VARCHAR(1000), response_preview VARCHAR(1000), 
	CONSTRAINT trace_info_pk PRIMARY KEY (request_id), 
	CONSTRAINT fk_trace_info_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id)
);
CREATE TABLE "trace_request_metadata" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000), 
	request_id VARCHAR(50) NOT NULL, 
	CONSTRAINT trace_request_metadata_pk PRIMARY KEY ("key", request_id), 
	CONSTRAINT fk_trace_request_metadata_request_id FOREIGN KEY(request_id) REFERENCES trace_info (request_id) ON DELETE CASCADE
);
CREATE TABLE "trace_tags" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000), 
	request_id VARCHAR(50) NOT NULL, 
	CONSTRAINT trace_tag_pk PRIMARY KEY ("key", request_id), 
	CONSTRAINT fk_trace_tags_request_id FOREIGN KEY(request_id) REFERENCES trace_info (request_id) ON DELETE CASCADE
);
CREATE TABLE webhook_events (
	webhook_id VARCHAR(256) NOT NULL, 
	entity VARCHAR(50) NOT NULL, 
	action VARCHAR(50) NOT NULL, 
	CONSTRAINT webhook_event_pk PRIMARY KEY (webhook_id, entity, action), 
	FOREIGN KEY(webhook_id) REFERENCES webhooks (webhook_id) ON DELETE cascade
);
CREATE TABLE webhooks (
	webhook_id VARCHAR(256) NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	description VARCHAR(1000), 
	url VARCHAR(500) NOT NULL, 
	status VARCHAR(20) DEFAULT 'ACTIVE' NOT NULL, 
	secret VARCHAR(1000), 
	creation_timestamp BIGINT, 
	last_updated_timestamp BIGINT, 
	deleted_timestamp BIGINT, 
	CONSTRAINT webhook_pk PRIMARY KEY (webhook_id)
);
CREATE INDEX index_metrics_run_uuid ON metrics (run_uuid);
CREATE INDEX index_latest_metrics_run_uuid ON latest_metrics (run_uuid);
CREATE INDEX index_inputs_destination_type_destination_id_source_type ON inputs (destination_type, destination_id, source_type);
CREATE INDEX index_inputs_input_uuid ON inputs (input_uuid);
CREATE INDEX index_params_run_uuid ON params (run_uuid);
CREATE INDEX index_trace_info_experiment_id_timestamp_ms ON trace_info (experiment_id, timestamp_ms);
CREATE INDEX index_trace_tags_request_id ON trace_tags (request_id);
CREATE INDEX index_trace_request_metadata_request_id ON trace_request_metadata (request_id);
CREATE INDEX index_tags_run_uuid ON tags (run_uuid);
CREATE INDEX index_datasets_dataset_uuid ON datasets (dataset_uuid);
CREATE INDEX index_datasets_experiment_id_dataset_source_type ON datasets (experiment_id, dataset_source_type);
CREATE INDEX index_logged_model_metrics_model_id ON logged_model_metrics (model_id);
CREATE INDEX index_assessments_trace_id_created_timestamp ON assessments (trace_id, created_timestamp);
CREATE INDEX index_assessments_run_id_created_timestamp ON assessments (run_id, created_timestamp);
CREATE INDEX index_assessments_last_updated_timestamp ON assessments (last_updated_timestamp);
CREATE INDEX index_assessments_assessment_type ON assessments (assessment_type);
CREATE INDEX index_spans_experiment_id ON spans (experiment_id);
CREATE INDEX index_spans_experiment_id_status_type ON spans (experiment_id, status, type);
CREATE INDEX index_spans_experiment_id_type_status ON spans (experiment_id, type, status);
CREATE INDEX index_spans_experiment_id_duration ON spans (experiment_id, duration_ns);
CREATE INDEX index_entity_associations_association_id ON entity_associations (association_id);
CREATE INDEX index_entity_associations_reverse_lookup ON entity_associations (destination_type, destination_id, source_type, source_id);
CREATE INDEX idx_webhooks_status ON webhooks (status);
CREATE INDEX idx_webhooks_name ON webhooks (name);
CREATE INDEX idx_webhook_events_entity ON webhook_events (entity);
CREATE INDEX idx_webhook_events_action ON webhook_events (action);
CREATE INDEX idx_webhook_events_entity_action ON webhook_events (entity, action);
CREATE UNIQUE INDEX index_scorers_experiment_id_scorer_name ON scorers (experiment_id, scorer_name);
CREATE INDEX index_scorer_versions_scorer_id ON scorer_versions (scorer_id);
CREATE INDEX index_evaluation_datasets_name ON evaluation_datasets (name);
CREATE INDEX index_evaluation_datasets_created_time ON evaluation_datasets (created_time);
CREATE INDEX index_evaluation_dataset_tags_dataset_id ON evaluation_dataset_tags (dataset_id);
CREATE INDEX index_evaluation_dataset_records_dataset_id ON evaluation_dataset_records (dataset_id);
CREATE INDEX index_jobs_function_status_creation_time ON jobs (function_fullname, status, creation_time);
COMMIT;
