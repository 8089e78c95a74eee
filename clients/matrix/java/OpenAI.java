import com.openai.client.OpenAIClient;
import com.openai.client.okhttp.OpenAIOkHttpClient;
import com.openai.errors.BadRequestException;
import com.openai.errors.InternalServerException;
import com.openai.errors.NotFoundException;
import com.openai.errors.OpenAIServiceException;
import com.openai.errors.PermissionDeniedException;
import com.openai.errors.RateLimitException;
import com.openai.errors.SseException;
import com.openai.errors.UnauthorizedException;
import com.openai.models.embeddings.Embedding;
import com.openai.models.embeddings.EmbeddingCreateParams;
import java.util.List;
import java.util.Map;

/** OpenAI is what both interfaces of openai-java share. */
abstract class OpenAI implements Client, Client.Embedder {
  protected final OpenAIClient client = client(Matrix.KEY);

  protected static OpenAIClient client(String key) {
    return OpenAIOkHttpClient.builder().baseUrl(Matrix.URL + "/v1").apiKey(key).maxRetries(0).build();
  }

  @Override
  public Class<?> from() {
    return OpenAIClient.class;
  }

  @Override
  public List<List<Float>> embed(String alias, List<String> texts) {
    var reply = client.embeddings().create(EmbeddingCreateParams.builder().model(alias).inputOfArrayOfStrings(texts).build());
    return reply.data().stream().map(Embedding::embedding).toList();
  }

  private record Kind(Class<?> of, String code) {}

  private static final Map<Integer, Kind> CLASSES =
      Map.of(
          401, new Kind(UnauthorizedException.class, "unauthenticated"),
          403, new Kind(PermissionDeniedException.class, "no_eligible_offering"),
          404, new Kind(NotFoundException.class, "model_not_found"),
          400, new Kind(BadRequestException.class, "malformed"),
          429, new Kind(RateLimitException.class, "upstream_rate_limited"),
          503, new Kind(InternalServerException.class, "upstream_unavailable"));

  @Override
  public void raised(Exception e, int status) throws Exception {
    Kind want = CLASSES.get(status);
    if (!want.of.isInstance(e)) throw e;
    OpenAIServiceException said = (OpenAIServiceException) e;
    Matrix.same("status", said.statusCode(), status);
    Matrix.same("code", said.code().orElse(""), want.code);
    Matrix.same("a request id", said.headers().values("x-request-id").isEmpty(), false);
  }

  @Override
  public void broken(Exception e) throws Exception {
    if (!(e instanceof SseException)) throw e;
  }

  @Override
  public Told told(Exception e) {
    return e instanceof OpenAIServiceException said ? new Told(said.code().orElse(""), said.getMessage()) : null;
  }
}
