import com.fasterxml.jackson.annotation.JsonClassDescription;
import com.fasterxml.jackson.annotation.JsonTypeName;
import java.util.List;

/** Client is one SDK: how its calls are made, and what its exceptions are. */
interface Client {
  /** Name is what the matrix calls it. */
  String name();

  /** From is a class of the SDK's, which tells its version. */
  Class<?> from();

  Reply say(String alias, String text, boolean streamed) throws Exception;

  Conversation talk(String alias, boolean streamed, boolean reason);

  /** Describe asks for a ship by its schema, read by the SDK's own helper where it has one. */
  Ship describe(String alias, String text) throws Exception;

  void look(String alias, String text, byte[] png) throws Exception;

  /** Stranger calls with a key that nobody has. */
  void stranger(String alias) throws Exception;

  /** Malformed makes a call that is against the API's own schema. */
  void malformed(String alias) throws Exception;

  /** Raised sees that an exception is the SDK's own for a status. */
  void raised(Exception e, int status) throws Exception;

  /** Broken sees that it is the SDK's own for a stream that broke. */
  void broken(Exception e) throws Exception;

  /** Told is what an exception that is Bulkhead's says, or null. */
  Told told(Exception e);

  /** Embedder is a client that has vectors. */
  interface Embedder {
    List<List<Float>> embed(String alias, List<String> texts) throws Exception;
  }

  /** Reply is what came of one question; stop is the SDK's word for why it ended. */
  record Reply(String text, String stop, String id, long input, long output) {}

  /** Conversation asks a question of which calls come, answers them, and keeps all that was said for the next one. */
  interface Conversation {
    Round ask(String question) throws Exception;
  }

  /** Round is what came of one; states are what is opaque of the thought before the calls. */
  record Round(List<String> cities, String text, List<String> states) {}

  record Told(String code, String message) {}

  /** Ship is what is described. */
  class Ship {
    public String name;
    public int masts;
  }

  /** Weather is the tool that is offered, by its parameters. */
  @JsonTypeName("get_weather")
  @JsonClassDescription("Weather in a city")
  class Weather {
    public String city;

    static String in(String city) {
      return "drizzle over " + city;
    }
  }
}
