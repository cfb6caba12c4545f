"""What clients and the page ask before they decide which routes to use."""

from typing import Final

MLFLOW_VERSION: Final = "3.17.2"
"""The MLflow whose tracking API this is. Clients export traces only to a server of 3.4 or later."""

SERVER_INFO: Final = (
    b'{"store_type":"SqlStore","workspaces_enabled":false,"trace_archival_enabled":false,'
    b'"multipart_uploads_enabled":false,"multipart_downloads_enabled":false,'
    b'"presigned_upload_run_id_supported":true,"presigned_upload_model_id_supported":true,'
    b'"model_artifact_presigned_downloads_supported":false,'
    b'"features_enabled":{"gateway":false,"scheduled_issue_detection":false},'
    b'"tracking_auth":"","artifacts_presigned_only":false}'
)
"""Multipart uploads and presigned downloads are served but not announced: a client that knows of them sends large files
past this server, to a store that it may not be able to reach."""
