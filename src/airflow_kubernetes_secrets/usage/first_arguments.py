"""The hooks of Airflow's providers whose first positional argument is a connection id: a table.

It is used for a provider that is not installed where a command runs. ``matrix/first_arguments.py`` prints the table.
The providers are those of November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PROVIDERS: Final = "airflow.providers."

# Each argument with the paths of the hooks in the package of the providers.
_TABLE = """
adb_spark_conn_id: alibaba.cloud.hooks.analyticdb_spark.AnalyticDBSparkHook
adls_conn_id: microsoft.azure.hooks.data_lake.AzureDataLakeStorageV2Hook
airbyte_conn_id: airbyte.hooks.airbyte.AirbyteHook
alibabacloud_conn_id: alibaba.cloud.hooks.base_alibaba.AlibabaBaseHook
apprise_conn_id: apprise.hooks.apprise.AppriseHook
arangodb_conn_id: arangodb.hooks.arangodb.ArangoDBHook
athena_conn_id: amazon.aws.hooks.athena_sql.AthenaSQLHook
aws_conn_id: amazon.aws.hooks.appflow.AppflowHook amazon.aws.hooks.athena.AthenaHook
    amazon.aws.hooks.base_aws.AwsGenericHook amazon.aws.hooks.base_aws.AwsBaseHook
    amazon.aws.hooks.batch_client.BatchClientHook amazon.aws.hooks.batch_waiters.BatchWaitersHook
    amazon.aws.hooks.bedrock.BedrockHook amazon.aws.hooks.bedrock.BedrockRuntimeHook
    amazon.aws.hooks.bedrock.BedrockAgentHook amazon.aws.hooks.bedrock.BedrockAgentRuntimeHook
    amazon.aws.hooks.bedrock.BedrockAgentCoreControlHook amazon.aws.hooks.bedrock.BedrockAgentCoreHook
    amazon.aws.hooks.cloud_formation.CloudFormationHook amazon.aws.hooks.comprehend.ComprehendHook
    amazon.aws.hooks.dms.DmsHook amazon.aws.hooks.dynamodb.DynamoDBHook amazon.aws.hooks.ecs.EcsHook
    amazon.aws.hooks.eks.EksHook amazon.aws.hooks.emr.EmrServerlessHook amazon.aws.hooks.emr.EmrContainerHook
    amazon.aws.hooks.eventbridge.EventBridgeHook amazon.aws.hooks.glacier.GlacierHook
    amazon.aws.hooks.glue.GlueDataQualityHook amazon.aws.hooks.glue_catalog.GlueCatalogHook
    amazon.aws.hooks.glue_crawler.GlueCrawlerHook amazon.aws.hooks.glue_databrew.GlueDataBrewHook
    amazon.aws.hooks.kinesis.KinesisHook amazon.aws.hooks.kinesis_analytics.KinesisAnalyticsV2Hook
    amazon.aws.hooks.lambda_function.LambdaHook amazon.aws.hooks.logs.AwsLogsHook amazon.aws.hooks.msk.MskHook
    amazon.aws.hooks.mwaa.MwaaHook amazon.aws.hooks.neptune.NeptuneHook
    amazon.aws.hooks.neptune_analytics.NeptuneAnalyticsHook
    amazon.aws.hooks.opensearch_serverless.OpenSearchServerlessHook amazon.aws.hooks.quicksight.QuickSightHook
    amazon.aws.hooks.rds.RdsHook amazon.aws.hooks.redshift_cluster.RedshiftHook
    amazon.aws.hooks.redshift_data.RedshiftDataHook amazon.aws.hooks.s3.S3Hook amazon.aws.hooks.s3_tables.S3TablesHook
    amazon.aws.hooks.sagemaker.SageMakerHook
    amazon.aws.hooks.sagemaker_unified_studio_notebook.SageMakerUnifiedStudioNotebookHook
    amazon.aws.hooks.secrets_manager.SecretsManagerHook amazon.aws.hooks.ses.SesHook amazon.aws.hooks.sns.SnsHook
    amazon.aws.hooks.sqs.SqsHook amazon.aws.hooks.ssm.SsmHook amazon.aws.hooks.step_function.StepFunctionHook
    amazon.aws.hooks.sts.StsHook amazon.aws.hooks.verified_permissions.VerifiedPermissionsHook
azure_ai_agents_conn_id: microsoft.azure.hooks.ai_agents.AzureAIAgentsHook
    microsoft.azure.hooks.ai_agents.AzureAIAgentsAsyncHook
azure_analysis_services_conn_id: microsoft.azure.hooks.analysis_services.AzureAnalysisServicesHook
azure_batch_conn_id: microsoft.azure.hooks.batch.AzureBatchHook
azure_conn_id: microsoft.azure.hooks.compute.AzureComputeHook
    microsoft.azure.hooks.container_instance.AzureContainerInstanceHook
    microsoft.azure.hooks.container_instance.AzureContainerInstanceAsyncHook
azure_container_volume_conn_id: microsoft.azure.hooks.container_volume.AzureContainerVolumeHook
azure_cosmos_conn_id: microsoft.azure.hooks.cosmos.AzureCosmosDBHook
azure_data_explorer_conn_id: microsoft.azure.hooks.adx.AzureDataExplorerHook
azure_data_factory_conn_id: microsoft.azure.hooks.data_factory.AzureDataFactoryHook
    microsoft.azure.hooks.data_factory.AzureDataFactoryAsyncHook
azure_data_lake_conn_id: microsoft.azure.hooks.data_lake.AzureDataLakeHook
azure_service_bus_conn_id: microsoft.azure.hooks.asb.BaseAzureServiceBusHook microsoft.azure.hooks.asb.AdminClientHook
    microsoft.azure.hooks.asb.MessageHook
azure_synapse_conn_id: microsoft.azure.hooks.synapse.AzureSynapseHook
    microsoft.azure.hooks.synapse.BaseAzureSynapseHook
cassandra_conn_id: apache.cassandra.hooks.cassandra.CassandraHook
chime_conn_id: amazon.aws.hooks.chime.ChimeWebhookHook
clickhouse_conn_id: clickhousedb.hooks.clickhouse.ClickHouseHook
cloudant_conn_id: cloudant.hooks.cloudant.CloudantHook
conn_id: apache.pinot.hooks.pinot.PinotAdminHook apache.spark.hooks.spark_connect.SparkConnectHook
    apache.tinkerpop.hooks.gremlin.GremlinHook asana.hooks.asana.AsanaHook
    cncf.kubernetes.hooks.kubernetes.KubernetesHook cohere.hooks.cohere.CohereHook
    influxdb.hooks.influxdb.InfluxDBHook influxdb.hooks.influxdb3.InfluxDB3Hook jenkins.hooks.jenkins.JenkinsHook
    microsoft.azure.hooks.container_registry.AzureContainerRegistryHook
    microsoft.azure.hooks.msgraph.KiotaRequestAdapterHook microsoft.azure.hooks.msgraph.MSGraphMailHook
    microsoft.azure.hooks.powerbi.PowerBIHook neo4j.hooks.neo4j.Neo4jHook openai.hooks.openai.OpenAIHook
    pinecone.hooks.pinecone.PineconeHook qdrant.hooks.qdrant.QdrantHook vespa.hooks.vespa.VespaHook
    weaviate.hooks.weaviate.WeaviateHook
databricks_conn_id: databricks.hooks.databricks.DatabricksHook databricks.hooks.databricks_base.BaseDatabricksHook
    databricks.hooks.databricks_sql.DatabricksSqlHook
datadog_conn_id: datadog.hooks.datadog.DatadogHook
dataprep_conn_id: google.cloud.hooks.dataprep.GoogleDataprepHook
dbt_cloud_conn_id: dbt.cloud.hooks.dbt.DbtCloudHook
dingding_conn_id: dingding.hooks.dingding.DingdingHook
docker_conn_id: docker.hooks.docker.DockerHook
drill_conn_id: apache.drill.hooks.drill.DrillHook
druid_ingest_conn_id: apache.druid.hooks.druid.DruidHook
emr_conn_id: amazon.aws.hooks.emr.EmrHook
exasol_conn_id: exasol.hooks.exasol.ExasolHook
facebook_conn_id: facebook.ads.hooks.ads.FacebookAdsReportingHook
fs_conn_id: standard.hooks.filesystem.FSHook
ftp_conn_id: ftp.hooks.ftp.FTPHook ftp.hooks.ftp.FTPSHook
gcp_cloudsql_conn_id: google.cloud.hooks.cloud_sql.CloudSQLDatabaseHook
gcp_conn_id: google.cloud.hooks.alloy_db.AlloyDbHook google.cloud.hooks.bigquery.BigQueryAsyncHook
    google.cloud.hooks.bigquery.BigQueryTableAsyncHook google.cloud.hooks.bigquery_dts.BiqQueryDataTransferServiceHook
    google.cloud.hooks.bigquery_dts.AsyncBiqQueryDataTransferServiceHook google.cloud.hooks.bigtable.BigtableHook
    google.cloud.hooks.cloud_batch.CloudBatchHook google.cloud.hooks.cloud_batch.CloudBatchAsyncHook
    google.cloud.hooks.cloud_build.CloudBuildHook google.cloud.hooks.cloud_build.CloudBuildAsyncHook
    google.cloud.hooks.cloud_composer.CloudComposerHook google.cloud.hooks.cloud_logging.CloudLoggingHook
    google.cloud.hooks.cloud_memorystore.CloudMemorystoreHook
    google.cloud.hooks.cloud_memorystore.CloudMemorystoreMemcachedHook
    google.cloud.hooks.cloud_monitoring.CloudMonitoringHook google.cloud.hooks.cloud_run.CloudRunHook
    google.cloud.hooks.cloud_run.CloudRunAsyncHook google.cloud.hooks.cloud_run.CloudRunServiceHook
    google.cloud.hooks.cloud_run.CloudRunServiceAsyncHook google.cloud.hooks.compute_ssh.ComputeEngineSSHHook
    google.cloud.hooks.dataflow.DataflowHook google.cloud.hooks.dataform.DataformHook
    google.cloud.hooks.dataplex.DataplexAsyncHook google.cloud.hooks.dataproc.DataprocHook
    google.cloud.hooks.dataproc.DataprocAsyncHook google.cloud.hooks.dataproc_metastore.DataprocMetastoreHook
    google.cloud.hooks.datastore.DatastoreHook google.cloud.hooks.dlp.CloudDLPHook google.cloud.hooks.gcs.GCSHook
    google.cloud.hooks.gdm.GoogleDeploymentManagerHook google.cloud.hooks.gen_ai.GenAIGenerativeModelHook
    google.cloud.hooks.kms.CloudKMSHook google.cloud.hooks.kubernetes_engine.GKEHook
    google.cloud.hooks.kubernetes_engine.GKEAsyncHook google.cloud.hooks.managed_kafka.ManagedKafkaHook
    google.cloud.hooks.natural_language.CloudNaturalLanguageHook google.cloud.hooks.os_login.OSLoginHook
    google.cloud.hooks.pubsub.PubSubHook google.cloud.hooks.ray.RayJobHook google.cloud.hooks.spanner.SpannerHook
    google.cloud.hooks.speech_to_text.CloudSpeechToTextHook google.cloud.hooks.stackdriver.StackdriverHook
    google.cloud.hooks.tasks.CloudTasksHook google.cloud.hooks.text_to_speech.CloudTextToSpeechHook
    google.cloud.hooks.translate.CloudTranslateHook google.cloud.hooks.translate.TranslateHook
    google.cloud.hooks.vertex_ai.agent_engine.AgentEngineHook
    google.cloud.hooks.vertex_ai.agent_engine.AgentEngineAsyncHook google.cloud.hooks.vertex_ai.auto_ml.AutoMLHook
    google.cloud.hooks.vertex_ai.batch_prediction_job.BatchPredictionJobHook
    google.cloud.hooks.vertex_ai.batch_prediction_job.BatchPredictionJobAsyncHook
    google.cloud.hooks.vertex_ai.custom_job.CustomJobHook google.cloud.hooks.vertex_ai.custom_job.CustomJobAsyncHook
    google.cloud.hooks.vertex_ai.dataset.DatasetHook google.cloud.hooks.vertex_ai.endpoint_service.EndpointServiceHook
    google.cloud.hooks.vertex_ai.experiment_service.ExperimentHook
    google.cloud.hooks.vertex_ai.experiment_service.ExperimentRunHook
    google.cloud.hooks.vertex_ai.feature_store.FeatureStoreHook
    google.cloud.hooks.vertex_ai.generative_model.GenerativeModelHook
    google.cloud.hooks.vertex_ai.hyperparameter_tuning_job.HyperparameterTuningJobHook
    google.cloud.hooks.vertex_ai.hyperparameter_tuning_job.HyperparameterTuningJobAsyncHook
    google.cloud.hooks.vertex_ai.model_service.ModelServiceHook
    google.cloud.hooks.vertex_ai.pipeline_job.PipelineJobHook
    google.cloud.hooks.vertex_ai.pipeline_job.PipelineJobAsyncHook
    google.cloud.hooks.vertex_ai.prediction_service.PredictionServiceHook google.cloud.hooks.vertex_ai.ray.RayHook
    google.cloud.hooks.video_intelligence.CloudVideoIntelligenceHook google.cloud.hooks.vision.CloudVisionHook
    google.cloud.hooks.workflows.WorkflowsHook google.common.hooks.base_google.GoogleBaseHook
    google.marketing_platform.hooks.analytics_admin.GoogleAnalyticsAdminHook google.suite.hooks.sheets.GSheetsHook
git_conn_id: git.hooks.git.GitHook
github_conn_id: github.hooks.github.GithubHook
grpc_conn_id: grpc.hooks.grpc.GrpcHook
hive_cli_conn_id: apache.hive.hooks.hive.HiveCliHook
hiveserver2_conn_id: apache.hive.hooks.hive.HiveServer2Hook
http_conn_id: discord.hooks.discord_webhook.DiscordWebhookHook
iceberg_conn_id: apache.iceberg.hooks.iceberg.IcebergHook
imap_conn_id: imap.hooks.imap.ImapHook
impala_conn_id: apache.impala.hooks.impala.ImpalaHook
informatica_edc_conn_id: informatica.hooks.edc.InformaticaEDCHook
jdbc_conn_id: jdbc.hooks.jdbc.JdbcHook
jira_conn_id: atlassian.jira.hooks.jira.JiraHook atlassian.jira.hooks.jira.JiraAsyncHook
kafka_config_id: apache.kafka.hooks.base.KafkaBaseHook apache.kafka.hooks.client.KafkaAdminClientHook
    apache.kafka.hooks.produce.KafkaProducerHook
kernel_conn_id: papermill.hooks.kernel.KernelHook
kylin_conn_id: apache.kylin.hooks.kylin.KylinHook
leveldb_conn_id: google.leveldb.hooks.leveldb.LevelDBHook
livy_conn_id: apache.livy.hooks.livy.LivyHook apache.livy.hooks.livy.LivyAsyncHook
llm_conn_id: common.ai.hooks.langchain.LangChainHook common.ai.hooks.llamaindex.LlamaIndexHook
    common.ai.hooks.pydantic_ai.PydanticAIHook common.ai.hooks.pydantic_ai.PydanticAIAzureHook
    common.ai.hooks.pydantic_ai.PydanticAIBedrockHook common.ai.hooks.pydantic_ai.PydanticAIVertexHook
    snowflake.hooks.cortex_model.PydanticAISnowflakeHook
looker_conn_id: google.cloud.hooks.looker.LookerHook
maxcompute_conn_id: alibaba.cloud.hooks.maxcompute.MaxComputeHook
mcp_conn_id: common.ai.hooks.mcp.MCPHook
metastore_conn_id: apache.hive.hooks.hive.HiveMetastoreHook
mongo_conn_id: mongo.hooks.mongo.MongoHook
mssql_conn_id: microsoft.mssql.hooks.mssql.MsSqlHook
mysql_conn_id: mysql.hooks.mysql.MySqlHook
odbc_conn_id: odbc.hooks.odbc.OdbcHook
open_search_conn_id: opensearch.hooks.opensearch.OpenSearchHook
opsgenie_conn_id: opsgenie.hooks.opsgenie.OpsgenieAlertHook
oracle_conn_id: oracle.hooks.oracle.OracleHook
pi_conn_id: standard.hooks.package_index.PackageIndexHook
pig_cli_conn_id: apache.pig.hooks.pig.PigCliHook
pinot_broker_conn_id: apache.pinot.hooks.pinot.PinotDbApiHook
postgres_conn_id: pgvector.hooks.pgvector.PgVectorHook postgres.hooks.postgres.PostgresHook
presto_conn_id: presto.hooks.presto.PrestoHook
psrp_conn_id: microsoft.psrp.hooks.psrp.PsrpHook
redis_conn_id: redis.hooks.redis.RedisHook
redshift_conn_id: amazon.aws.hooks.redshift_sql.RedshiftSQLHook
salesforce_conn_id: salesforce.hooks.salesforce.SalesforceHook
samba_conn_id: samba.hooks.samba.SambaHook
segment_conn_id: segment.hooks.segment.SegmentHook
smtp_conn_id: smtp.hooks.smtp.SmtpHook
snowflake_conn_id: snowflake.hooks.cortex_agent.SnowflakeCortexAgentHook snowflake.hooks.snowflake.SnowflakeHook
    snowflake.hooks.sql_api.SnowflakeSqlApiHook
sqlite_conn_id: sqlite.hooks.sqlite.SqliteHook
ssh_conn_id: microsoft.winrm.hooks.winrm.WinRMHook sftp.hooks.sftp.SFTPHook ssh.hooks.ssh.SSHHook
    teradata.hooks.tpt.TptHook
telegram_conn_id: telegram.hooks.telegram.TelegramHook
teradata_conn_id: teradata.hooks.bteq.BteqHook teradata.hooks.teradata.TeradataHook teradata.hooks.ttu.TtuHook
trino_conn_id: trino.hooks.trino.TrinoHook
vault_conn_id: hashicorp.hooks.vault.VaultHook
vertica_conn_id: vertica.hooks.vertica.VerticaHook
wasb_conn_id: microsoft.azure.hooks.wasb.WasbHook microsoft.azure.hooks.wasb.WasbAsyncHook
webhdfs_conn_id: apache.hdfs.hooks.webhdfs.WebHDFSHook
yandex_conn_id: yandex.hooks.dataproc.DataprocHook yandex.hooks.yandex.YandexCloudBaseHook yandex.hooks.yq.YQHook
zendesk_conn_id: zendesk.hooks.zendesk.ZendeskHook
"""


def _first_arguments() -> dict[str, str]:
    found: dict[str, str] = {}
    argument = ""
    for word in _TABLE.split():
        if word.endswith(":"):
            argument = word[:-1]
        else:
            found[PROVIDERS + word] = argument
    return found


# The name of the argument, by the path of the hook.
FIRST_ARGUMENTS: Final[Mapping[str, str]] = _first_arguments()
