package web;

import greet.Greet;

public class Main {
    public static void main(String[] args) {
        System.out.println("web says " + Greet.word());
    }
}
