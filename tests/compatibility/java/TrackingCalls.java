import java.io.File;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;
import org.mlflow.api.proto.Service.Metric;
import org.mlflow.api.proto.Service.Param;
import org.mlflow.api.proto.Service.RunStatus;
import org.mlflow.api.proto.Service.RunTag;
import org.mlflow.api.proto.Service.ViewType;
import org.mlflow.tracking.MlflowClient;
import org.mlflow.tracking.MlflowHttpException;

/** The tracking calls of the Java client, and those of the registry; prints one line "what=seen" for each thing that it saw. */
public class TrackingCalls {
  private static void say(String what, Object seen) {
    System.out.println(what + "=" + seen);
  }

  private static void sayRefusal(String what, Runnable call) {
    try {
      call.run();
      say(what, "accepted");
    } catch (MlflowHttpException refusal) {
      String body = refusal.getBodyMessage();
      say(what, refusal.getStatusCode() + " " + body.replaceAll("(?s).*\"error_code\"\\s*:\\s*\"(\\w+)\".*", "$1"));
    }
  }

  private static Metric metric(String key, double value, long timestampMs, long step) {
    return Metric.newBuilder().setKey(key).setValue(value).setTimestamp(timestampMs).setStep(step).build();
  }

  public static void main(String[] arguments) throws Exception {
    try (MlflowClient client = new MlflowClient(arguments[0])) {
      experiments(client);
      runs(client);
      registry(client);
    }
  }

  private static void experiments(MlflowClient client) {
    String name = "java " + System.nanoTime();
    String id = client.createExperiment(name);
    client.setExperimentTag(id, "team", "red");
    say("experiment by name", client.getExperimentByName(name).get().getExperimentId().equals(id));
    say("experiment tag", client.getExperiment(id).getTags(0).getValue());
    say("unknown experiment by name", client.getExperimentByName(name + "?").isPresent());
    sayRefusal("experiment created again", () -> client.createExperiment(name));
    sayRefusal("unknown experiment", () -> client.getExperiment("987654321"));
    client.renameExperiment(id, name + " renamed");
    String filter = "name = '" + name + " renamed'";
    say("experiments found", client.searchExperiments(filter).getItems().size());
    client.deleteExperiment(id);
    say("experiments found after delete", client.searchExperiments(filter).getItems().size());
    client.restoreExperiment(id);
    say("experiment lifecycle", client.getExperiment(id).getLifecycleStage());
  }

  private static void runs(MlflowClient client) throws Exception {
    String experimentId = client.createExperiment("java runs " + System.nanoTime());
    String runId = client.createRun(experimentId).getRunId();
    say("run status", client.getRun(runId).getInfo().getStatus());
    client.logParam(runId, "lr", "0.1");
    client.logParam(runId, "lr", "0.1");
    sayRefusal("param changed", () -> client.logParam(runId, "lr", "0.2"));
    for (int step = 0; step < 3; step++) {
      client.logMetric(runId, "loss", 1.0 / (1 + step), 100 + step, step);
    }
    client.logBatch(
        runId,
        Arrays.asList(metric("nan", Double.NaN, 1, 0), metric("inf", Double.POSITIVE_INFINITY, 1, 0)),
        Collections.singletonList(Param.newBuilder().setKey("depth").setValue("3").build()),
        Collections.singletonList(RunTag.newBuilder().setKey("kind").setValue("tree").build()));
    client.setTag(runId, "extra", "é 漢字");
    client.deleteTag(runId, "extra");
    say("history", client.getMetricHistory(runId, "loss").stream()
        .map(m -> m.getStep() + ":" + m.getTimestamp() + ":" + m.getValue()).collect(Collectors.joining(",")));
    var data = client.getRun(runId).getData();
    say("metrics", data.getMetricsList().stream()
        .map(m -> m.getKey() + ":" + m.getValue()).sorted().collect(Collectors.joining(",")));
    say("params", data.getParamsList().stream()
        .map(p -> p.getKey() + ":" + p.getValue()).sorted().collect(Collectors.joining(",")));
    say("tags", data.getTagsList().stream().filter(t -> !t.getKey().startsWith("mlflow."))
        .map(t -> t.getKey() + ":" + t.getValue()).sorted().collect(Collectors.joining(",")));
    client.setTerminated(runId, RunStatus.FAILED, 5000);
    say("terminated", client.getRun(runId).getInfo().getStatus() + " " + client.getRun(runId).getInfo().getEndTime());

    List<String> experiments = Collections.singletonList(experimentId);
    for (int i = 0; i < 3; i++) {
      String other = client.createRun(experimentId).getRunId();
      client.logMetric(other, "loss", i, 1, 0);
    }
    say("runs found", client.searchRuns(experiments, "metrics.loss < 0.5 and params.lr = '0.1'").size());
    List<String> losses = new ArrayList<>();
    var page = client.searchRuns(experiments, "metrics.loss >= 0", ViewType.ACTIVE_ONLY, 3,
        Collections.singletonList("metrics.loss DESC"));
    while (true) {
      page.getItems().forEach(run -> run.getData().getMetricsList().stream()
          .filter(m -> m.getKey().equals("loss")).forEach(m -> losses.add(String.format("%.2f", m.getValue()))));
      if (!page.hasNextPage()) {
        break;
      }
      page = (org.mlflow.tracking.RunsPage) page.getNextPage();
    }
    say("losses by page", String.join(",", losses));
    sayRefusal("bad filter", () -> client.searchRuns(experiments, "metrics.loss OR"));

    client.deleteRun(runId);
    say("deleted runs", client.searchRuns(experiments, "", ViewType.DELETED_ONLY).size());
    sayRefusal("write to a deleted run", () -> client.setTag(runId, "a", "b"));
    client.restoreRun(runId);
    say("run lifecycle", client.getRun(runId).getInfo().getLifecycleStage());

    File file = File.createTempFile("with space ", ".txt");
    Files.writeString(file.toPath(), "from java");
    client.logArtifact(runId, file, "folder");
    say("artifact folders", client.listArtifacts(runId).stream().map(f -> f.getPath()).collect(Collectors.joining(",")));
    say("artifact size", client.listArtifacts(runId, "folder").get(0).getFileSize());
    File fetched = client.downloadArtifacts(runId, "folder/" + file.getName());
    say("artifact content", Files.readString(fetched.toPath()));
    file.delete();
  }

  /** The client itself only reads the registry; what it reads is made by plain requests. */
  private static void registry(MlflowClient client) throws Exception {
    String runId = client.createRun(client.createExperiment("java models " + System.nanoTime())).getRunId();
    File file = File.createTempFile("model", ".txt");
    Files.writeString(file.toPath(), "a model");
    client.logArtifact(runId, file, "model");
    String name = "java-model-" + System.nanoTime(); // the client cannot download what has a blank in its name
    String source = client.getRun(runId).getInfo().getArtifactUri() + "/model";
    client.sendPost("registered-models/create", String.format("{\"name\": \"%s\"}", name));
    for (int i = 0; i < 3; i++) {
      client.sendPost("model-versions/create",
          String.format("{\"name\": \"%s\", \"source\": \"%s\", \"run_id\": \"%s\"}", name, source, runId));
    }
    client.sendPost("model-versions/transition-stage", String.format(
        "{\"name\": \"%s\", \"version\": \"2\", \"stage\": \"Staging\", \"archive_existing_versions\": false}", name));
    say("registered model", client.getRegisteredModel(name).getName().equals(name));
    say("model version", client.getModelVersion(name, "2").getCurrentStage() + " " + client.getModelVersion(name, "2").getStatus());
    say("run of a version", client.getModelVersion(name, "1").getRunId().equals(runId));
    say("latest versions", client.getLatestVersions(name).stream()
        .map(v -> v.getCurrentStage() + ":" + v.getVersion()).sorted().collect(Collectors.joining(",")));
    say("latest in a stage", client.getLatestVersions(name, Collections.singletonList("Staging")).get(0).getVersion());
    say("download uri", client.getModelVersionDownloadUri(name, "1").equals(source));
    sayRefusal("unknown version", () -> client.getModelVersion(name, "9"));
    List<String> versions = new ArrayList<>();
    var page = client.searchModelVersions("name = '" + name + "'", 2, Collections.singletonList("version_number DESC"));
    while (true) {
      page.getItems().forEach(v -> versions.add(v.getVersion()));
      if (!page.hasNextPage()) {
        break;
      }
      page = (org.mlflow.tracking.ModelVersionsPage) page.getNextPage();
    }
    say("versions by page", String.join(",", versions));
    File fetched = client.downloadLatestModelVersion(name, "Staging");
    say("model content", Files.readString(fetched.toPath().resolve(file.getName())));
    file.delete();
  }
}
