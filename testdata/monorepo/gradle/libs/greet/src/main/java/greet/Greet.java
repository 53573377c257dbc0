package greet;

public class Greet {
    public static String word() {
        return "hello";
    }
}
